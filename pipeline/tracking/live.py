"""Show trainings that are under way in MLflow, from outside: reads their files, and cannot hurt them.

`python -m pipeline.tracking.live --uri sqlite:///mlflow.db`, as long as one likes; Ctrl-C ends it. Each unfinished history below
results/runs is a run `… (live)` that grows. It is removed when its training ends: rule `track` brings in the finished
one. A store that is away is tried again at the next look; then the live runs are made anew from the files.
"""

import argparse
import json
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UserError
from pipeline.tracking.ingest import METRICS, experiment_of, legal
from pipeline.tracking.store import Store, opened, shown

RUNS, HISTORY = Path("results/runs"), "history.partial.jsonl"
# Its value is the clone that shows it; never together with `pipeline.output`, which only finished runs have.
LIVE = "pipeline.live"


@dataclass
class Shown:
    """A live run of MLflow, and how many bytes of its history it has."""

    number: str
    read: int = 0


class Mirror:
    """Live runs of this clone, as far as this process has brought them."""

    def __init__(self) -> None:
        self.runs: dict[Path, Shown] = {}
        self.fresh = True

    def look(self, store: Store) -> int:
        """Bring MLflow up to date with the files, once; number of trainings under way."""
        if self.fresh:
            _remove_left(store)
            self.fresh = False
        histories = {path: path.stat().st_size for path in RUNS.rglob(HISTORY)}
        for path in [path for path, run in self.runs.items() if histories.get(path, -1) < run.read]:
            # Gone: the training has ended. Shorter: it went on from an earlier state.
            store.delete_run(self.runs.pop(path).number)
        for path in histories:
            self._extend(store, path)
        return len(histories)

    def forget(self) -> None:
        """After an error nobody knows what has arrived: begin again at the next look."""
        self.runs, self.fresh = {}, True

    def _extend(self, store: Store, path: Path) -> None:
        from mlflow.entities import Metric

        if path not in self.runs:
            parts = path.parent.relative_to(RUNS).parts
            name, tags = f"{'/'.join(parts[1:])} (live)", {LIVE: store.place}
            run = store.create_run(experiment_of(store, parts[0]), tags=tags, run_name=name)
            self.runs[path] = Shown(run.info.run_id)
        live = self.runs[path]
        with open(path, "rb") as stream:
            stream.seek(live.read)
            # The last line may still be being written.
            whole = stream.read().rpartition(b"\n")[0]
        rows = [json.loads(line) for line in whole.splitlines()]
        now = time.time_ns() // 10**6
        points = [
            Metric(legal(term), value, now, row["step"])
            for row in rows
            for term, value in row.items()
            if term != "step" and isinstance(value, int | float)
        ]
        for begin in range(0, len(points), METRICS):
            store.log_batch(live.number, metrics=points[begin : begin + METRICS])
        live.read += len(whole) + 1 if whole else 0


def _remove_left(store: Store) -> None:
    """Live runs of this clone from before; others' are their own."""
    for experiment in store.search_experiments():
        for run in store.search_runs([experiment.experiment_id], filter_string=f"tags.`{LIVE}` LIKE '%'"):
            if run.data.tags[LIVE] == store.place:
                store.delete_run(run.info.run_id)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.tracking.live", description=__doc__)
    parser.add_argument("--uri", required=True, help="MLflow store: sqlite:///FILE or a server")
    parser.add_argument("--seconds", type=float, default=15.0, help="between two looks (default: 15)")
    arguments = parser.parse_args()
    mirror = Mirror()
    try:
        while True:
            try:
                with opened(arguments.uri) as store:
                    number = mirror.look(store)
                print(f"{time.strftime('%H:%M:%S')} {number} trainings under way: {shown(arguments.uri)}", flush=True)
            except (UserError, OSError, ValueError) as error:
                mirror.forget()
                print(f"{time.strftime('%H:%M:%S')} {error}", file=sys.stderr, flush=True)
            time.sleep(arguments.seconds)
    except KeyboardInterrupt:
        with suppress(UserError), opened(arguments.uri) as store:
            _remove_left(store)
        return 0


if __name__ == "__main__":
    sys.exit(main())
