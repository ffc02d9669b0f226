"""Check the settings and make `jobs`, which tells the rules what `pipeline/plan/<kind>.py` says."""

from snakemake.exceptions import WorkflowError

from pipeline.errors import UserError
from pipeline.plan.generators import OF_TRAINING
from pipeline.workflow import folders
from pipeline.workflow.rules import FOLDER, UNTRAINED, Workflow

try:
    jobs = Workflow(config, workflow.basedir)
except UserError as error:
    raise WorkflowError(str(error)) from None


wildcard_constraints:
    **jobs.patterns,
