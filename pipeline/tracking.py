"""Bring finished runs into MLflow: settings, curves, final metrics, tags that lead back to commit, receipt and bytes.

`python -m pipeline.tracking --uri sqlite:///mlflow.db --output results/tracking/TABLE.json RECEIPT ...`

The files beside a run come first and are complete without MLflow; this can be repeated, on another server too, at any
time. One MLflow run for each run folder. It counts as brought in once it carries the tag `pipeline.receipt`, the last
one written; what a killed call left without it is removed by the next one.
"""

import argparse
import fcntl
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path

from pipeline.errors import UserError
from pipeline.files import write_json
from pipeline.finished import Run, collect

QUIET = {  # a server that is away costs seconds, not minutes (MLflow's own retries: four minutes, then an exception)
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}
# What MLflow 3 accepts at most: items of a kind in one call, characters of a value.
METRICS, PARAMS, PARAM_LENGTH = 1000, 100, 6000
KIND = "mlflow.experimentKind"


def ingest(runs: list[Run], uri: str, simulated: frozenset[str] = frozenset()) -> tuple[dict[str, str], int]:
    """Bring `runs` into the store at `uri`; (output -> MLflow run id, number of runs that were new).

    `simulated` names the data sets whose cameras are simulated. UserError when the store cannot be reached.
    """
    os.environ.update(QUIET)
    from mlflow import MlflowClient  # after the variables, and never in a training job
    from mlflow.exceptions import MlflowException

    ids, new = {}, 0
    try:
        with _one_at_a_time():
            client = MlflowClient(tracking_uri=uri)
            for experiment in sorted({run.experiment for run in runs}):
                number = _experiment(client, experiment)
                known = _known(client, number)
                for run in (run for run in runs if run.experiment == experiment):
                    same = known.get(run.output, [])
                    match = next((old for old in same if old.data.tags.get("pipeline.receipt") == run.identity), None)
                    dataset = experiment.rpartition("_x")[0]
                    ids[run.output] = match.info.run_id if match else _log(client, number, run, dataset in simulated)
                    new += match is None
                    _supersede(client, same, ids[run.output])
    except MlflowException as error:
        raise UserError(
            f"tracking.uri {uri}: the MLflow store cannot be used ({str(error).splitlines()[0][:300]}). Nothing is "
            "lost: the runs' own files are complete. Start the server, or set tracking.uri in params.yaml to another "
            "one or to sqlite:///mlflow.db, and run this rule again."
        ) from error
    return ids, new


def _log(client, experiment: str, run: Run, simulated: bool) -> str:
    """One new MLflow run; its last tag says that it is complete."""
    from mlflow.entities import Metric, Param

    begin, end = run.times()
    tags = run.tags(simulated)
    number = client.create_run(experiment, start_time=begin, tags=tags, run_name=run.name).info.run_id
    for params in _batches(run.params().items(), PARAMS):
        client.log_batch(number, params=[Param(_name(name), value[:PARAM_LENGTH]) for name, value in params])
    for points in _batches(chain(run.curves(), run.finals()), METRICS):
        client.log_batch(number, metrics=[Metric(_name(term), value, end, step) for term, value, step in points])
    client.set_terminated(number, end_time=end)
    client.set_tag(number, "pipeline.receipt", run.identity)
    return number


def _known(client, experiment: str) -> dict[str, list]:
    """Output -> complete MLflow runs of it; what an interrupted call left behind is deleted."""
    known: dict[str, list] = {}
    token = None
    while True:
        page = client.search_runs([experiment], max_results=1000, page_token=token)
        for run in page:
            output = run.data.tags.get("pipeline.output")
            if output and "pipeline.receipt" in run.data.tags:
                known.setdefault(output, []).append(run)
            elif output:
                client.delete_run(run.info.run_id)
        token = page.token
        if not token:
            return known


def _supersede(client, same: list, current: str) -> None:
    """Tag other runs of the same output; take the tag off a run that is current again."""
    for old in same:
        tagged = old.data.tags.get("pipeline.superseded_by")
        if old.info.run_id == current and tagged:
            client.delete_tag(current, "pipeline.superseded_by")
        elif old.info.run_id != current and tagged != current:
            client.set_tag(old.info.run_id, "pipeline.superseded_by", current)


def _experiment(client, name: str) -> str:
    found = client.get_experiment_by_name(name)
    # The kind tells MLflow's pages that these are trainings, not traces of language models.
    return found.experiment_id if found else client.create_experiment(name, tags={KIND: "custom_model_development"})


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """One ingest at a time: processes that create the tables of a new SQLite file together kill each other."""
    with open("mlflow.db.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _batches(items: Iterable, size: int) -> Iterator[list]:
    items = iter(items)
    while batch := list(islice(items, size)):
        yield batch


def _name(text: str) -> str:
    """Only characters that MLflow takes in names."""
    return re.sub(r"[^\w./ :-]", "_", text)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.tracking", description=__doc__)
    parser.add_argument("receipts", nargs="+", type=Path, help="receipts of finished trainings and evaluations")
    parser.add_argument("--uri", required=True, help="MLflow store: sqlite:///FILE or a server")
    parser.add_argument("--output", required=True, type=Path, help="JSON file: output -> MLflow run id")
    parser.add_argument("--simulated", action="append", default=[], help="a data set whose cameras are simulated")
    arguments = parser.parse_args()
    try:
        ids, new = ingest(collect(arguments.receipts), arguments.uri, frozenset(arguments.simulated))
        write_json(arguments.output, ids)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{new} runs brought in, {len(ids) - new} already there: {arguments.uri}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
