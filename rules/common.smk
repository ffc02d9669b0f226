"""Settings checked, receipts that hold turned into Snakemake's own records; `jobs` answers what the rules ask."""

from snakemake.exceptions import WorkflowError

from pipeline import plan, sync
from pipeline.errors import UserError
from pipeline.workflow import RUN, Workflow

try:
    jobs = Workflow(config, workflow.basedir)
    if workflow.is_main_process:
        sync.sync(config)
except UserError as error:
    raise WorkflowError(str(error)) from None


wildcard_constraints:
    **jobs.patterns,
