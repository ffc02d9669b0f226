"""A toy paper for the claims tests: two tables, a metric of each direction, one without, text, a cell that is not printed."""

from pathlib import Path

from pipeline.claims import file
from pipeline.claims.numbers import Numbers

NUMBERS = """
source: {title: A toy, venue: nowhere, arxiv: "0000.00000"}
short: Toy et al.
metrics:
  psnr: {label: PSNR, better: higher, unit: dB}
  lpips: {label: LPIPS, better: lower, unit: ""}
  size: {label: size, better: null, unit: K}
  train_set: {label: training set, better: null, unit: ""}
tables:
  - {block: results, levels: [table, scale, method, dataset]}
  - {block: sizes, levels: [scale, method], with: {table: I}}
  - {block: ablation.rows, levels: [part], with: {table: II, dataset: set5}}
labels:
  method: {ours: Ours, base: Base, rival: Rival}
  dataset: {set5: Set5, urban: Urban}
  scale: {2: ×2, 4: ×4}
results:
  I:
    2:
      base: {set5: {psnr: 30.00, lpips: 0.300}, urban: {psnr: 25.00, lpips: 0.400}}
      rival: {set5: {psnr: 30.50, lpips: 0.250}, urban: {psnr: 25.40, lpips: null}}
      ours: {set5: {psnr: 30.70, lpips: 0.260}, urban: {psnr: 25.40, lpips: 0.350}}
    4:
      base: {set5: {psnr: 27.00, lpips: 0.400}, urban: {psnr: 22.00, lpips: 0.500}}
      rival: {set5: {psnr: 27.30, lpips: 0.350}, urban: {psnr: 22.20, lpips: 0.450}}
      ours: {set5: {psnr: 27.60, lpips: 0.360}, urban: {psnr: 22.30, lpips: 0.440}}
sizes:
  2: {base: {size: 100, train_set: DIV2K}, rival: {size: 200, train_set: DF2K}, ours: {size: 150, train_set: DF2K}}
  4: {base: {size: 153, train_set: DIV2K}, rival: {size: 253, train_set: DF2K}, ours: {size: 190, train_set: DF2K}}
ablation:
  rows:
    - {part: no, psnr: 30.00, lpips: 0.300}
    - {part: yes, psnr: 30.70, lpips: 0.260}
"""


def written(folder: Path, checks: str, numbers: str = NUMBERS, constants: str = "{}") -> tuple[Path, Path]:
    """The two files of a paper whose only claim, X, has these checks (YAML of one check, or of a list)."""
    (folder / "toy.yaml").write_text(numbers, encoding="utf-8")
    head = f"paper: toy\nabout: []\nconstants: {constants}\nclaims:\n"
    claim = f"  - id: X\n    claim: something\n    where: Table I\n    severity: A\n    check: {checks}\n"
    (folder / "claims.yaml").write_text(head + claim, encoding="utf-8")
    return folder / "toy.yaml", folder / "claims.yaml"


def finding(folder: Path, checks: str, numbers: str = NUMBERS, constants: str = "{}") -> file.Finding:
    """What comes out for that claim."""
    paths = written(folder, checks, numbers, constants)
    return file.examine(file.read(paths[1], "toy"), Numbers(paths[0]))[0]
