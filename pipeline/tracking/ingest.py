"""Copy finished runs into MLflow: settings, curves, final metrics, and tags that name commit, receipt and hashes.

`python -m pipeline.tracking --uri sqlite:///mlflow.db --output results/tracking/TABLE.json RECEIPT ...`

The files of a run do not depend on MLflow; this command can be repeated at any time, also for another server. There is
one MLflow run per run folder. It is complete once it has the tag `pipeline.receipt`, which is written last; the next call
removes runs that a killed call left incomplete.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, islice

from pipeline.errors import UserError
from pipeline.tracking.finished import FinishedRun
from pipeline.tracking.store import Store, opened, shown

# Limits of MLflow 3: metrics and parameters per call, characters of a value. PAGE: runs per answer, a few seconds of work.
METRICS, PARAMS, PARAM_LENGTH, PAGE = 1000, 100, 6000, 200
KIND = "mlflow.experimentKind"
# The process that copies a run; when it began and, for a complete run, when it ended.
BY, AT = "pipeline.ingested_by", "pipeline.ingested_at"
# An incomplete run of another clone may still be in progress for this long.
ABANDONED = timedelta(hours=1)

CompleteRuns = dict[str, dict[str, object]]


def ingest(runs: list[FinishedRun], uri: str, simulated: frozenset[str] = frozenset()) -> tuple[dict[str, str], int]:
    """Copy `runs` to the store at `uri`; return (output -> MLflow run id, number of new runs). Main thread only.

    `simulated` names the data sets whose cameras are simulated. UserError when the store cannot be used; runs already
    copied stay, and the next call copies the others.
    """
    ids, new = {}, 0
    with opened(uri) as store:
        for name in sorted({run.place.group for run in runs}):
            group = [run for run in runs if run.place.group == name]
            experiment = _experiment(store, name)
            complete = _complete_runs(store, experiment)
            missing = [run for run in group if run.identity not in complete.get(run.output, {})]
            for run in missing:
                _log(store, experiment, run, run.place.dataset in simulated)
            if missing:
                complete = _complete_runs(store, experiment)
            absent = [run.output for run in group if run.identity not in complete.get(run.output, {})]
            if absent:
                raise UserError(
                    f"tracking.uri {shown(uri)}: accepted {absent[0]} but does not return it. Check that it is an MLflow server."
                )
            for run in group:
                ids[run.output] = complete[run.output][run.identity].info.run_id
                _supersede(store, complete[run.output].values(), ids[run.output])
            new += len(missing)
    return ids, new


def _log(store: Store, experiment: str, run: FinishedRun, simulated: bool) -> None:
    """Write one new MLflow run; its last tag marks it as complete."""
    from mlflow.entities import Metric, Param, RunTag

    begin, end = run.times()
    tags = run.tags(simulated) | {BY: store.place, AT: _now()}
    number = store.create_run(experiment, start_time=begin, tags=tags, run_name=run.place.name).info.run_id
    for params in _batches(run.params().items(), PARAMS):
        store.log_batch(number, params=[Param(_legal(name), value[:PARAM_LENGTH]) for name, value in params])
    for points in _batches(chain(run.curves(), run.finals()), METRICS):
        store.log_batch(number, metrics=[Metric(_legal(term), value, end, step) for term, value, step in points])
    store.set_terminated(number, end_time=end)
    store.log_batch(number, tags=[RunTag(AT, _now()), RunTag("pipeline.receipt", run.identity)])


def _complete_runs(store: Store, experiment: str) -> CompleteRuns:
    """Output -> identity -> its complete MLflow run.

    Deletes incomplete runs of ended calls and, if two clones copied the same run at once, all but the first completed.
    """
    complete: dict[str, dict[str, list]] = {}
    for run in list(_runs(store, experiment)):
        output, identity = (run.data.tags.get(name) for name in ("pipeline.output", "pipeline.receipt"))
        if output and identity:
            complete.setdefault(output, {}).setdefault(identity, []).append(run)
        elif output and _abandoned(store, run.data.tags):
            store.delete_run(run.info.run_id)
    for twins in chain.from_iterable(same.values() for same in complete.values()):
        twins.sort(key=lambda run: (run.data.tags.get(AT, ""), run.info.run_id))
        for twin in twins[1:]:
            store.delete_run(twin.info.run_id)
    return {output: {identity: twins[0] for identity, twins in same.items()} for output, same in complete.items()}


def _runs(store: Store, experiment: str) -> Iterable:
    """Every run of the experiment once, even if other clones' new runs shift the pages."""
    runs, token = {}, None
    while True:
        page = store.search_runs([experiment], max_results=PAGE, page_token=token)
        runs |= {run.info.run_id: run for run in page}
        token = page.token
        if not token:
            return runs.values()


def _abandoned(store: Store, tags: dict[str, str]) -> bool:
    """Whether an incomplete MLflow run was left by a call that has ended (a running call of this clone would hold our lock)."""
    if store.alone or tags.get(BY) in (None, store.place):
        return True
    return datetime.now(UTC) - datetime.fromisoformat(tags[AT]) > ABANDONED


def _supersede(store: Store, same: Iterable, current: str) -> None:
    """Tag older runs of the same output; remove the tag from a run that is current again."""
    for old in same:
        tagged = old.data.tags.get("pipeline.superseded_by")
        if old.info.run_id == current and tagged:
            store.delete_tag(current, "pipeline.superseded_by")
        elif old.info.run_id != current and tagged != current:
            store.set_tag(old.info.run_id, "pipeline.superseded_by", current)


def _experiment(store: Store, name: str) -> str:
    """Id of the experiment, created if missing; another clone may create it at the same moment."""
    from mlflow.exceptions import MlflowException

    experiment = store.get_experiment_by_name(name)
    if experiment is None:
        try:
            # The kind tells MLflow's pages that these are trainings, not traces of language models.
            return store.create_experiment(name, tags={KIND: "custom_model_development"})
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            experiment = store.get_experiment_by_name(name)
    return experiment.experiment_id


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _batches(items: Iterable, size: int) -> Iterator[list]:
    items = iter(items)
    while batch := list(islice(items, size)):
        yield batch


def _legal(text: str) -> str:
    """`text` with characters that MLflow refuses in names replaced by underscores."""
    return re.sub(r"[^\w./ :-]", "_", text)
