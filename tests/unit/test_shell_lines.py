"""The shell lines of rules, as tokens say and as Snakemake itself reads them."""

from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.plan import keys
from pipeline.provenance import shell_lines

RULE = 'rule a:\n    output:\n        "a",\n    shell:\n        "{params.command} > {log} 2>&1"\n'


def lines(text: str) -> list[str]:
    return shell_lines.lines(text, Path("rules/a.smk"))


@pytest.mark.parametrize(
    "text",
    [
        RULE,
        RULE.replace("shell:\n        ", "shell: "),
        RULE.replace('"{params.command} > {log} 2>&1"', "'{params.command} '  # a comment\n        '> {log} 2>&1'"),
        f"# shell: 'no'\n{RULE}\nuse rule a as b with:\n    output:\n        'b',\n",
    ],
)
def test_layout_does_not_count(text):
    assert lines(text) == ["{params.command} > {log} 2>&1"]


def test_every_rule_counts():
    assert lines(RULE + RULE.replace("rule a", "rule b").replace("2>&1", "")) == [
        "{params.command} > {log} 2>&1",
        "{params.command} > {log} ",
    ]


@pytest.mark.parametrize("value", ["LINE", "f'{x}'", "'{params.command}'.strip()", "'a' + x", "'a' f'{x}'"])
def test_a_line_that_is_not_plain_text(value):
    with pytest.raises(UserError, match=r"rules/a.smk, line 4: the shell line must be plain text in quotes"):
        lines(RULE.replace('"{params.command} > {log} 2>&1"', value))


def test_missing_file_and_missing_line(tmp_path):
    with pytest.raises(UserError, match=r"none\.smk: no such file"):
        shell_lines.digest("none.smk", tmp_path)
    (tmp_path / "a.smk").write_text("rule a:\n    output: 'a'\n")
    with pytest.raises(UserError, match="no rule with a `shell:` line"):
        shell_lines.digest("a.smk", tmp_path)


def test_every_kind_of_job_has_a_shell_line():
    for kind in keys.kinds():
        assert len(shell_lines.digest(f"{kind}.smk")) == 64
