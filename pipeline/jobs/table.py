"""Job: metrics.json files and a paper's reported numbers → one table as LaTeX, CSV and an HTML preview."""

from pipeline.files import read_json, write_text
from pipeline.provenance.job import Job, run
from pipeline.settings import build
from pipeline.tables.records import document_of, forms, records
from pipeline.tables.scores import Reported, Scores
from pipeline.tables.settings import TableSettings


def work(job: Job) -> dict:
    """Write `tex`, `csv` and `html` from the inputs `metrics` (several) and, where settings name it, `reported`."""
    settings = build(TableSettings, job.settings)
    scores = Scores(settings, lambda path: read_json(job.file("metrics", path)))
    reported = Reported(job.input("reported")) if settings.reported else None
    document, rows = document_of(scores, reported), records(scores, reported)
    for name, text in forms(document, rows).items():
        write_text(job.outputs[name], text)
    return {"rows": len(rows), "metrics_files": len(scores.files)}


if __name__ == "__main__":
    run(work)
