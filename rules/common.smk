"""`jobs` answers what the rules ask, from `pipeline/plan/<kind>.py` and the settings that the Snakefile has read."""

from pipeline.plan.generators import OF_TRAINING
from pipeline.workflow import folders
from pipeline.workflow.rules import FOLDER, UNTRAINED, Workflow

jobs = Workflow(config)


wildcard_constraints:
    **jobs.patterns,
