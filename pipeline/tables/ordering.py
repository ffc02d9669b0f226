"""Check whether a table confirms the order that its paper claims: `python -m pipeline.tables.ordering TABLE.tex`.

For every setting and pair, and every two neighbours of the table's `order`, it prints the mean difference over the test
images, each averaged over the seeds; its percentile interval over images, resampled as pairs; and the deviation of the
mean over seeds. It reads only the metrics files of the table, without torch.
"""

import argparse
import statistics
import sys
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from pipeline.errors import UserError, exit_code
from pipeline.evaluation.bootstrap import percentile_interval
from pipeline.files import read_json
from pipeline.plan import cells, domains, params

MARKS = {True: "✓", False: "✗", None: "~"}


class Step(NamedTuple):
    """Two neighbours of the order on one pair: the upper minus the lower method, in the metric's unit."""

    upper: str
    lower: str
    mean: float
    low: float
    high: float
    deviation: float | None  # over seeds; None for one seed

    @property
    def holds(self) -> bool | None:
        """True: the whole interval is on the claimed side of zero, False: on the other side, None: it includes zero."""
        return True if self.low > 0 else False if self.high < 0 else None


def steps(settings: dict, table: str, metric: str) -> dict[tuple[str, str, str], list[Step]]:
    """(setting, source, target) → one `Step` for every two neighbours of the order.

    Raises UserError for a table without `order`, a metric that was not measured, or missing metrics files.
    """
    block = settings["tables"][table]
    if len(set(block.get("order", ())) & set(block["methods"])) < 2:
        raise UserError(
            f"tables.{table} has no `order` in params.yaml. List two or more of its methods, best first, as the paper claims."
        )
    pairs = cells.whole_pairs(settings, table)
    if not pairs:
        domains.require_available(
            settings, block["dataset"], (one for pair in block["pairs"] for one in pair), f"the order of {table}"
        )
    paths = {
        (cell["method"], cell["setting"], cell["source"], cell["target"], cell["seed"]): cell["metrics"]
        for cell in cells.table_cells(settings, table)
    }
    if missing := sorted({path for path in paths.values() if not Path(path).exists()}):
        raise UserError(f"{missing[0]} and {len(missing) - 1} more are missing. Make the table, or run `make pull`.")
    bootstrap = domains.edition(settings, block["dataset"])["evaluate"]["bootstrap"]
    sign = 1 if settings["metrics"][metric]["better"] == "higher" else -1
    loaded: dict[str, dict[str, float]] = {}

    def values(method: str, setting: str, source: str, target: str, number: int) -> dict[str, float]:
        # Target Only exists in one setting only, and methods without training have one seed.
        path = next(
            paths[method, place, source, target, one]
            for place in (setting, *block["settings"])
            for one in (number, *block["seeds"])
            if (method, place, source, target, one) in paths
        )
        if path not in loaded:
            content = read_json(path)
            if metric in content["missing"] or any(metric not in image for image in content["images"].values()):
                reason = content["missing"].get(metric, "the file is from another run. Make the table again.")
                raise UserError(f"{path}: {metric} was not measured: {reason}")
            loaded[path] = {name: image[metric] for name, image in content["images"].items()}
        return loaded[path]

    def step(upper: str, lower: str, setting: str, source: str, target: str) -> Step:
        differences = []
        for number in block["seeds"]:
            first, second = (values(method, setting, source, target, number) for method in (upper, lower))
            differences.append([sign * (first[name] - second[name]) for name in sorted(first)])
        per_image = [statistics.fmean(column) for column in zip(*differences, strict=True)]
        deviation = statistics.stdev(statistics.fmean(row) for row in differences) if len(differences) > 1 else None
        return Step(upper, lower, statistics.fmean(per_image), *percentile_interval(per_image, **bootstrap), deviation)

    order = [method for method in block["order"] if method in block["methods"]]
    neighbours = list(pairwise(order))
    return {
        (setting, source, target): [step(*two, setting, source, target) for two in neighbours]
        for setting in block["settings"]
        for source, target in pairs
    }


def text(settings: dict, table: str, metric: str) -> str:
    """The results as a Markdown table, and a line with counts."""
    if table not in settings["tables"] or metric not in settings["metrics"]:
        raise UserError(f"params.yaml has no table '{table}' or no metric '{metric}'.")
    block, results = settings["tables"][table], steps(settings, table, metric)
    labels = {name: settings["methods"][name]["label"] for name in block["order"]}
    cameras = settings["datasets"][block["dataset"]]["cameras"]
    heads = [f"{labels[one.upper]} − {labels[one.lower]}" for one in next(iter(results.values()))]
    lines = [" | ".join(["| setting", "pair", *heads, "order |"]), "|---" * (len(heads) + 3) + "|"]
    for (setting, source, target), row in results.items():
        pair = f"{cameras[source]['short']}→{cameras[target]['short']}"
        verdict = (
            "kept" if all(one.holds for one in row) else "broken" if any(one.holds is False for one in row) else "open"
        )
        lines.append(" | ".join([f"| {setting}", pair, *map(_cell, row), f"{verdict} |"]))
    all_steps = [one for row in results.values() for one in row]
    counts = {mark: sum(one.holds is held for one in all_steps) for held, mark in MARKS.items()}
    count = len(block["seeds"])
    several = f"{count} seeds" if count > 1 else "one seed"
    summary = f"{metric}, {several}; {_interval_words(settings, block)}{'; ± over seeds' if count > 1 else ''}. "
    summary += f"✓ {counts['✓']} as claimed, ~ {counts['~']} undecided, ✗ {counts['✗']} the other way round."
    return "\n".join([*lines, "", summary])


def _interval_words(settings: dict, block: dict) -> str:
    """Description of the interval."""
    level = domains.edition(settings, block["dataset"])["evaluate"]["bootstrap"]["level"]
    return f"[{level * 100:g} % bootstrap over images, paired]"


def _cell(step: Step) -> str:
    deviation = f" ±{step.deviation:.2f}" if step.deviation is not None else ""
    return f"{MARKS[step.holds]} {step.mean:+.2f} [{step.low:+.2f}, {step.high:+.2f}]{deviation}"


def main() -> int:
    """Command line; exit code 0 if the order could be computed, whether it holds or not."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.tables.ordering", description=__doc__.partition("\n")[0])
    parser.add_argument("table", help="for example results/tables/dada_simcam_seeds.tex")
    parser.add_argument("--metric", default="psnr_y")
    arguments = parser.parse_args()
    return exit_code(lambda: print(text(params.load(), Path(arguments.table).stem, arguments.metric)))


if __name__ == "__main__":
    sys.exit(main())
