"""Entry point: `python -m pipeline` lists every command, `python -m pipeline NAME …` runs one."""

import runpy
import sys

# In the order in which a user meets them: name -> (module, what it does).
COMMANDS = {
    "fetch": ("pipeline.fetch", "download data sets and pretrained files, each checked by its hash"),
    "adopt": ("pipeline.adopt", "check your own copy of a data set: names, pairs, counts, every image"),
    "cost": ("pipeline.cost", "say what tables cost before anything runs: steps, hours, bytes"),
    "progress": ("pipeline.workflow.progress", "run Snakemake behind one line with the remaining time"),
    "show": ("pipeline.tables.show", "print a finished table on the terminal"),
    "ordering": ("pipeline.tables.ordering", "ask whether a table keeps the order that its paper claims"),
    "audit": ("pipeline.audit", "ask whether every number of a table follows from data, code and settings"),
    "tracking": ("pipeline.tracking", "bring finished runs into MLflow"),
    "publish": ("pipeline.publish", "hand checked results to DVC and push them"),
    "pull": ("pipeline.pull", "get published files from DVC"),
    "upscale": ("pipeline.upscale", "enlarge a picture of your own with a trained generator"),
}


def main(words: list[str]) -> int:
    """Run the command that the first word names, with the others; without words, list the commands."""
    if words and words[0] in COMMANDS:
        module = COMMANDS[words[0]][0]
        sys.argv = [f"python -m pipeline {words[0]}", *words[1:]]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        return 0
    unknown = bool(words) and words[0] not in ("-h", "--help")
    out = sys.stderr if unknown else sys.stdout
    if unknown:
        print(f"error: there is no command '{words[0]}'.", file=out)
    print("usage: python -m pipeline COMMAND …   (--help after a command says more)\n", file=out)
    for name, (_, line) in COMMANDS.items():
        print(f"  {name:<10} {line}", file=out)
    return 2 if unknown else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
