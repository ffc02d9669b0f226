"""Settings checked; `jobs` answers what the rules ask."""

from snakemake.exceptions import WorkflowError

from pipeline.plan import runs as plan
from pipeline.errors import UserError
from pipeline.workflow.rules import RUN, Workflow

try:
    jobs = Workflow(config, workflow.basedir)
except UserError as error:
    raise WorkflowError(str(error)) from None


wildcard_constraints:
    **jobs.patterns,
