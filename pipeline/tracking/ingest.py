"""Bring finished runs into MLflow: settings, curves, final metrics, tags that lead back to commit, receipt and bytes.

`python -m pipeline.tracking --uri sqlite:///mlflow.db --output results/tracking/TABLE.json RECEIPT ...`

The files beside a run come first and are complete without MLflow; this can be repeated, on another server too, at any
time. One MLflow run for each run folder. It counts as brought in once it carries the tag `pipeline.receipt`, the last
one written; what a killed call left without it is removed by the next one.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, islice

from pipeline.errors import UserError
from pipeline.tracking.finished import FinishedRun
from pipeline.tracking.store import Store, opened, shown

# What MLflow 3 accepts at most: items of a kind in one call, characters of a value. Runs in one answer: a few seconds' worth.
METRICS, PARAMS, PARAM_LENGTH, PAGE = 1000, 100, 6000, 200
KIND = "mlflow.experimentKind"
# Who brings a run in; when that began and, once it carries `pipeline.receipt`, when it was complete.
BY, AT = "pipeline.ingested_by", "pipeline.ingested_at"
# What another clone began on a server may still be under way for so long.
ABANDONED = timedelta(hours=1)

Known = dict[str, dict[str, object]]


def ingest(runs: list[FinishedRun], uri: str, simulated: frozenset[str] = frozenset()) -> tuple[dict[str, str], int]:
    """Bring `runs` into the store at `uri`; (output -> MLflow run id, number of runs that were new).

    `simulated` names the data sets whose cameras are simulated. UserError when the store cannot be used; what has
    arrived stays, and the next call brings in the rest. Main thread only.
    """
    ids, new = {}, 0
    with opened(uri) as store:
        for name in sorted({run.place.group for run in runs}):
            wanted = [run for run in runs if run.place.group == name]
            experiment = _experiment(store, name)
            known = _known(store, experiment)
            missing = [run for run in wanted if run.identity not in known.get(run.output, {})]
            for run in missing:
                _log(store, experiment, run, run.place.dataset in simulated)
            if missing:
                known = _known(store, experiment)
            lost = [run.output for run in wanted if run.identity not in known.get(run.output, {})]
            if lost:
                raise UserError(
                    f"tracking.uri {shown(uri)}: took {lost[0]} and does not hold it. Is it an MLflow server?"
                )
            for run in wanted:
                ids[run.output] = known[run.output][run.identity].info.run_id
                _supersede(store, known[run.output].values(), ids[run.output])
            new += len(missing)
    return ids, new


def _log(store: Store, experiment: str, run: FinishedRun, simulated: bool) -> None:
    """One new MLflow run; its last tag says that it is complete."""
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


def _known(store: Store, experiment: str) -> Known:
    """Output -> identity -> the complete MLflow run of it.

    Removes what an interrupted call left and, of runs that two clones brought in at once, all but the first completed.
    """
    known: dict[str, dict[str, list]] = {}
    for run in list(_runs(store, experiment)):
        output, identity = (run.data.tags.get(name) for name in ("pipeline.output", "pipeline.receipt"))
        if output and identity:
            known.setdefault(output, {}).setdefault(identity, []).append(run)
        elif output and _abandoned(store, run.data.tags):
            store.delete_run(run.info.run_id)
    for twins in chain.from_iterable(same.values() for same in known.values()):
        twins.sort(key=lambda run: (run.data.tags.get(AT, ""), run.info.run_id))
        for twin in twins[1:]:
            store.delete_run(twin.info.run_id)
    return {output: {identity: twins[0] for identity, twins in same.items()} for output, same in known.items()}


def _runs(store: Store, experiment: str) -> Iterable:
    """Every run of the experiment, once, however others' runs shift the pages meanwhile."""
    runs, token = {}, None
    while True:
        page = store.search_runs([experiment], max_results=PAGE, page_token=token)
        runs |= {run.info.run_id: run for run in page}
        token = page.token
        if not token:
            return runs.values()


def _abandoned(store: Store, tags: dict[str, str]) -> bool:
    """Whether an incomplete MLflow run was left by a call that has ended; another call of this clone would hold our lock."""
    if store.alone or tags.get(BY) in (None, store.place):
        return True
    return datetime.now(UTC) - datetime.fromisoformat(tags[AT]) > ABANDONED


def _supersede(store: Store, same: Iterable, current: str) -> None:
    """Tag other runs of the same output; take the tag off a run that is current again."""
    for old in same:
        tagged = old.data.tags.get("pipeline.superseded_by")
        if old.info.run_id == current and tagged:
            store.delete_tag(current, "pipeline.superseded_by")
        elif old.info.run_id != current and tagged != current:
            store.set_tag(old.info.run_id, "pipeline.superseded_by", current)


def _experiment(store: Store, name: str) -> str:
    """Its number; made if it is not there, by whoever comes first."""
    from mlflow.exceptions import MlflowException

    found = store.get_experiment_by_name(name)
    if found is None:
        try:
            # The kind tells MLflow's pages that these are trainings, not traces of language models.
            return store.create_experiment(name, tags={KIND: "custom_model_development"})
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            found = store.get_experiment_by_name(name)
    return found.experiment_id


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _batches(items: Iterable, size: int) -> Iterator[list]:
    items = iter(items)
    while batch := list(islice(items, size)):
        yield batch


def _legal(text: str) -> str:
    """Only characters that MLflow takes in names."""
    return re.sub(r"[^\w./ :-]", "_", text)
