"""The audit's first door: every number leads to its fields, what is typed over is named, pages and chains are whole."""

import json
import re
import statistics
import subprocess
from pathlib import Path

import pytest
import yaml

from pipeline.audit import history, numbers, page, printed
from pipeline.audit import text as audit_text
from pipeline.audit.cells import Number
from pipeline.audit.report import Node, Report
from pipeline.errors import UserError
from pipeline.printing.document import fixed, signed
from pipeline.provenance.receipts import Reason, Receipt
from tests import audit_examples
from tests.audit_examples import comparison, crossdevice, read

KINDS = {
    "comparison": lambda: comparison(),
    "with seeds": lambda: comparison(seeds=(0, 1, 2)),
    "paper": lambda: comparison(simulated=False, lpips=True),
    "paper with seeds": lambda: comparison(simulated=False, lpips=True, seeds=(0, 1)),
    "crossdevice": lambda: crossdevice(),
    "crossdevice with seeds": lambda: crossdevice((0, 1)),
}


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def value(path: str, name: str) -> float | dict[str, float]:
    """The content of a field, or of the field of every image."""
    content = yaml.safe_load(Path(path).read_text())
    parts = name.split(".")
    if parts[:2] == ["images", "*"]:
        return {image: row[parts[2]] for image, row in content["images"].items()}
    for part in parts:
        content = content[part]
    return content


def follows(number: Number) -> list[str]:
    """What a number must read, computed from its fields alone, with two and with three digits."""
    how, found = number.origin.how, [value(*place) for place in number.origin.fields]
    if how.startswith("mean difference"):
        pairs = zip(found[::2], found[1::2], strict=True)
        found = [statistics.fmean(ours[name] - base[name] for name in ours) for ours, base in pairs]
    if how.startswith("ours less"):
        found = [statistics.fmean(found[:-1]) - found[-1]]
    if how.startswith("difference of two"):
        found = [found[0] - found[1]]
    mean = statistics.fmean(found)
    std = statistics.stdev(found) if len(found) > 1 else None
    texts = []
    for digits in (2, 3):
        texts += [fixed(mean, digits), signed(mean, digits)]
        if std is not None:
            texts += [f"±{std:.{digits}f}", f"{fixed(mean, digits)} ±{std:.{digits}f}"]
    return texts


@pytest.mark.parametrize("kind", KINDS)
def test_every_number_follows_from_the_fields_it_names(kind):
    report = read(KINDS[kind]())
    assert report.holds, audit_text.tree(report)
    (checked,) = report.tables.values()
    dashes = [number for row in checked.rows for number in row if number.origin is None]
    assert {number.text for number in dashes} <= {"–"} and len(checked.numbers) > 8
    for number in checked.numbers:
        if number.origin.how.startswith("bootstrap interval"):
            assert number.text.startswith("[") and len(number.origin.fields) == 2
        else:
            assert re.sub(" [✓×]$", "", number.text) in follows(number), number
        assert number.mark == "✓" and (number.chain or number.files == ["data/reported/dada.yaml"])


def typed_over(path: str, row: str, decimals: int = 2) -> tuple[str, str]:
    """Change the last digit of the first number in a row of a .tex; what was printed, what is printed now."""
    text = Path(path).read_text()
    line = next(line for line in text.splitlines() if line.startswith(f"{row} &"))
    number = re.search(rf"\d+\.\d{{{decimals}}}", line)
    other = number[0][:-1] + ("1" if number[0][-1] != "1" else "2")
    Path(path).write_text(text.replace(line, line[: number.start()] + other + line[number.end() :]))
    return number[0], other


@pytest.mark.parametrize("forged", [False, True])
def test_a_number_typed_over_is_named_with_what_follows(forged):
    target = comparison()
    old, new = typed_over(target, "DADA")
    if forged:
        audit_examples.forge(target)
    report = read(target)
    (problem,) = report.tables[report.roots[0]].problems
    where = "Real → Real · DADA · Panasonic → Sony PSNR ↑"
    field = "mean.psnr_y in results/runs/real/panasonic-sony/dada/seed0/metrics_sony.json"
    assert f"{where}: printed {new}, but {old} follows (mean over the test images: {field})" in problem
    assert not report.holds and problem in audit_text.tree(report)
    hashes = [reason for node in report.nodes.values() for reason in node.reasons]
    assert bool(hashes) != forged, "a forged receipt agrees with the forged table; the number alone gives it away"


def test_what_is_typed_in_place_of_a_dash_is_named():
    target = comparison(simulated=False, lpips=True)
    path = Path("results/runs/real/panasonic-sony/dada/seed0/metrics_sony.json")
    before = json.loads(path.read_text())
    for part in (before["mean"], *before["images"].values()):
        part.pop("lpips_alex")
    path.write_text(json.dumps(before | {"missing": {"lpips_alex": "no weights"}}))
    problems = read(target).tables[f"{target}.receipt.json"].problems
    assert any("printed 0." in text and r"but \textendash{} follows (nothing was measured" in text for text in problems)


@pytest.mark.parametrize("form", ["csv", "html"])
def test_other_forms_are_read_as_well(form):
    target = comparison().replace(".tex", f".{form}")
    text = Path(target).read_text()
    number = re.search(r">(\d\d\.\d\d)<" if form == "html" else r",(\d\d\.\d{6,}),", text)
    other = number[1][:-1] + str((int(number[1][-1]) + 1) % 10)
    Path(target).write_text(text[: number.start(1)] + other + text[number.end(1) :])
    problems = read(target.replace(f".{form}", ".tex")).tables["results/dada_simcam.tex.receipt.json"].problems
    line = text[: number.start()].count("\n") + 1
    assert len(problems) == 1 and f"{target}, line {line}, " in problems[0]
    assert other in problems[0] and number[1] in problems[0]


def test_lines_that_are_missing_or_added_are_named():
    target = comparison()
    lines = Path(target).read_text().splitlines(keepends=True)
    row = next(index for index, line in enumerate(lines) if line.startswith("DADA &"))
    Path(target).write_text("".join([*lines[:row], *lines[row + 1 :], "% added\n"]))
    problems = read(target).tables[f"{target}.receipt.json"].problems
    assert any("is missing (the row of Real → Real · DADA" in text for text in problems)
    assert any("'% added' does not follow from anything" in text for text in problems)


def test_last_digits_of_a_vouched_csv_may_be_another_processors():
    rows = ["table,setting,pair,source,target,method,seed,metric,value,origin", "t,real,p,a,b,m,0,psnr_y,{},f.json", ""]
    expected, near, far = ("\n".join(rows).format(number) for number in (20.5, 20.500000000001, 20.6))
    assert printed.table_csv("t.csv", near, expected, exact=False) == []
    assert len(printed.table_csv("t.csv", near, expected, exact=True)) == 1
    assert "20.6 printed, but 20.5 follows from f.json" in printed.table_csv("t.csv", far, expected, exact=False)[0]


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda c: c["images"]["rocket"].update(psnr_y=c["images"]["rocket"]["psnr_y"] + 0.01), "mean.psnr_y says"),
        (lambda c: c["mean"].update(ssim_rgb=c["mean"]["ssim_rgb"] - 1e-6), "mean.ssim_rgb says"),
    ],
)
def test_a_changed_metric_is_named(spoil, named):
    target = comparison()
    path = "results/runs/real/panasonic-sony/dada/seed0/metrics_sony.json"
    content = json.loads(Path(path).read_text())
    spoil(content)
    Path(path).write_text(json.dumps(content))
    follows, complaints = numbers.follow(path, exact=True)
    assert len(complaints) == 1 and named in complaints[0]
    for metric, mean in follows["mean"].items():
        assert mean == pytest.approx(statistics.fmean(image[metric] for image in content["images"].values()), abs=1e-12)
    report = read(target)
    assert not report.holds and complaints[0] in audit_text.problems(report)


def test_another_kind_of_file_in_place_of_metrics_is_named():
    target = comparison()
    path = Path("results/runs/real/panasonic-sony/dada/seed0/metrics_sony.json")
    for text, said in (("{}", "not a metrics file"), ("[", "not valid JSON"), (None, "no such file")):
        path.unlink() if text is None else path.write_text(text)
        assert any(said in problem and str(path) in problem for problem in audit_text.problems(read(target)))


def test_settings_changed_in_the_receipt_do_not_decide_what_follows():
    target = comparison()
    path = Path(f"{target}.receipt.json")
    content = json.loads(path.read_text())
    content["key"]["settings"]["metrics"][0]["digits"] = 1
    path.write_text(json.dumps(content))
    report = read(target)
    assert not report.holds and report.tables[str(path)].problems == []


def test_the_chain_of_one_number_ends_at_the_machine():
    report = read(comparison())
    told = audit_text.chain(report, "dada sony psnr real")
    assert "metrics_sony.json" in told and "a-host" in told and "c0ffee" in told and "rocket" in told
    with pytest.raises(UserError, match="no number of results/dada_simcam"):
        audit_text.chain(report, "dada nikon")


@pytest.mark.parametrize("harmed", [False, True])
def test_the_page_stands_alone_and_every_link_leads_somewhere(harmed):
    target = comparison(simulated=False, lpips=True, seeds=(0, 1))
    if harmed:
        typed_over(target, r"DADA & reported")
    report = read(target)
    text = page.text(report, report.tables[f"{target}.receipt.json"])
    links, ids = re.findall(r'href="#(\w+)"', text), re.findall(r' id="(\w+)"', text)
    assert len(set(ids)) == len(ids) and set(links) <= set(ids)
    numbers = len(report.tables[f"{target}.receipt.json"].numbers)
    assert text.count("<details>") == numbers + len(report.nodes) + 1 and f"{numbers} numbers" in text
    assert not re.search(r"<script|src=|https?://|url\(|@import|<link", text)
    assert ("does not hold" in text) == harmed


def test_a_long_tree_shows_what_fails(monkeypatch):
    target = comparison(simulated=False, lpips=True, seeds=(0, 1))
    old, new = typed_over(target, "DADA & reported")
    report = read(target)
    short, whole = audit_text.tree(report), audit_text.tree(report, whole=True)
    assert len(whole.splitlines()) > audit_text.LINES and len(short.splitlines()) < 20
    assert f"printed {new}, but {old} follows" in short and "--whole shows them" in short
    few = crossdevice()
    monkeypatch.setattr(audit_text, "LINES", 20)
    numbers = [line for line in audit_text.tree(read(few)).splitlines() if " = mean over" in line]
    assert len(numbers) == 9, "numbers stay, receipts that hold go"


def test_verdicts_are_given_for_each_target():
    first = comparison()
    report = read(first)
    report.targets.append("results/other.tex")
    report.complaints.append("results/other.tex: is not here.")
    assert audit_text.tree(report).splitlines()[-2:] == [f"{first}: holds", "results/other.tex: does NOT hold"]
    assert [part.holds for part in map(report.part, report.targets)] == [True, False]


def git(*words: str) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *identity, *words], capture_output=True, text=True, check=True).stdout.strip()


def failing(commit: str, *reasons: Reason) -> Report:
    """A report with one receipt of that commit that does not hold."""
    receipt = Receipt("a.receipt.json", {}, {}, {}, {"commit": commit}, None)
    return Report(["a"], nodes={receipt.path: Node(receipt, list(reasons), [], [])})


def test_changed_sources_are_shown_as_git_shows_them():
    Path("params").mkdir()
    sources = {"params.yaml": "one: 1\ntwo: 2\n", "params/dada.yaml": "lr: 0.1\n", "paper.yaml": "psnr: 27.30\n"}
    sources["requirements.lock"] = f"torch==2.15.0 --hash=sha256:{'a' * 64}\n    --hash=sha256:{'b' * 64}\nnumpy==2.0\n"
    for path, content in sources.items():
        Path(path).write_text(content)
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "then")
    commit = git("rev-parse", "HEAD")
    Path("params.yaml").write_text("one: 1\ntwo: 3\n")
    git("commit", "-qam", "in between")
    Path("params/dada.yaml").write_text("lr: 0.2\n")
    Path("paper.yaml").write_text("psnr: 27.38\n")
    Path("requirements.lock").write_text(sources["requirements.lock"].replace("==2.0", "==2.1").replace("bb", "cc"))

    setting, packages = Reason("setting", "lr", "0.1 -> 0.2"), Reason("packages", "numpy", "locked otherwise")
    command, *lines = history.changes(failing(commit, setting))
    assert command == f"git diff --unified=0 {commit} -- params.yaml params"
    assert [line for line in lines if re.match(r"[-+](?![-+])", line)] == ["-two: 2", "+two: 3", "-lr: 0.1", "+lr: 0.2"]
    assert "@@ -2 +2 @@ one: 1" in lines
    lines = history.changes(failing(commit, packages, Reason("input", "paper.yaml", "is another")))
    changed = [line for line in lines if re.match(r"[-+](?![-+])", line)]
    assert changed == ["-psnr: 27.30", "+psnr: 27.38", "-numpy==2.0", "+numpy==2.1"]
    # What a job made is judged by its maker; a commit of elsewhere, and a place without git, tell nothing.
    report = failing(commit, Reason("input", "paper.yaml", "is another"))
    report.makers["paper.yaml"] = "its.receipt.json"
    assert history.changes(report) == history.changes(failing("c0ffee", setting)) == []
    assert history.unsaved()[0] == "git diff --unified=0 HEAD -- params.yaml params" and "+lr: 0.2" in history.unsaved()
    assert "+two: 3" not in history.unsaved()
    Path(".git").rename("no")
    assert history.changes(failing(commit, setting)) == history.unsaved() == []


def test_a_long_diff_is_cut_and_told_once():
    Path("params.yaml").write_text("\n".join(f"value{number}: 0" for number in range(100)))
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "then")
    commits = [git("rev-parse", "HEAD")]
    git("commit", "-q", "--allow-empty", "-m", "the same settings")
    commits.append(git("rev-parse", "HEAD"))
    Path("params.yaml").write_text("\n".join(f"value{number}: 1" for number in range(100)))
    reports = [failing(commit, Reason("setting", "value0", "0 -> 1")) for commit in commits]
    reports[0].nodes["b"] = reports[1].nodes["a.receipt.json"]
    told = history.changes(reports[0])
    assert len(told) == history.LINES + 2 and told[-1].endswith(" more lines")
    reports[0].changed = told
    assert f"  git diff --unified=0 {commits[0]}" in audit_text.tree(reports[0])
