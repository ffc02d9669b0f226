"""`snakemake --lint`, one kind of finding excepted: exit code 1 when anything else is found.

The exception: Snakemake asks for a conda environment or container in every rule. This pipeline has one environment for all
of them, `requirements.lock` with hashes, and each job's key holds the hash of the packages that it rests on: stricter than
what the linter asks for, in a form that it does not know. The text is read because the JSON form cannot be printed for a
workflow with includes (Snakemake 9.27.1).
"""

import re
import subprocess
import sys

ALLOWED = "Specify a conda environment or container for each rule."
HEAD, TITLE = re.compile(r"^Lints for (.*):$"), re.compile(r"^    \* (.*):$")


def findings(text: str) -> list[str]:
    """`where: title` of everything that the linter's text reports, but for the exception."""
    found, place = [], ""
    for line in text.splitlines():
        if head := HEAD.match(line):
            place = head[1]
        elif (title := TITLE.match(line)) and title[1] != ALLOWED:
            found.append(f"{place}: {title[1]}")
    return found


def main() -> int:
    """Run the linter; its own text is shown when it found something or could not run."""
    done = subprocess.run([sys.executable, "-m", "snakemake", "--lint"], capture_output=True, text=True)
    text = done.stdout + done.stderr
    found = findings(text)
    ran = done.returncode == 0 or ALLOWED in text
    if found or not ran:
        print(text)
    print("\n".join([*found, f"snakemake --lint: {len(found)} findings"]))
    return int(bool(found) or not ran)


if __name__ == "__main__":
    sys.exit(main())
