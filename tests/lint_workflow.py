"""`snakemake --lint`, one kind of finding excepted: exit code 1 when anything else is found.

The exception: Snakemake asks for a conda environment or container in every rule. This pipeline has one environment for all
of them, `requirements.lock` with hashes, and each job's key holds the hash of the packages that it rests on: stricter than
what the linter asks for, in a form that it does not know. Through the API because `snakemake --lint json` prints text
(9.27.1), and text cannot be told apart by kind.
"""

import contextlib
import io
import json
import sys
from pathlib import Path

from snakemake.api import SnakemakeApi
from snakemake.settings.types import ConfigSettings, OutputSettings, Quietness, ResourceSettings

ALLOWED = "Specify a conda environment or container for each rule."


def findings(snakefile: Path) -> list[str]:
    """`where: title` of everything that the linter finds, but for the exception."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        workflow = api.workflow(ResourceSettings(), config_settings=ConfigSettings(), snakefile=snakefile)
        workflow.lint(json=True)
    text = printed.getvalue()
    report = json.loads(text[text.index("{") :])
    return [
        f"{place.get('rule', place['snakefile'])}: {lint['title']}\n    {lint['body']}"
        for part in ("snakefiles", "rules")
        for entry in report[part]
        for place, lint in ((entry["for"], lint) for lint in entry["lints"])
        if lint["title"] != ALLOWED
    ]


if __name__ == "__main__":
    found = findings(Path("Snakefile"))
    print("\n".join([*found, f"snakemake --lint: {len(found)} findings"]))
    sys.exit(bool(found))
