"""`jobs` answers what the rules ask, from the settings that the Snakefile has read."""

from pipeline.plan import runs as plan
from pipeline.workflow.rules import RUN, Workflow

jobs = Workflow(config)


wildcard_constraints:
    **jobs.patterns,
