"""Snakemake's jobs as data: a logger plugin that writes a line of JSON for everything that happens to a job.

    {"event": "plan", "limits": {"_cores": 2}, "jobs": [{"id": 7, "rule": …, "wildcards": …, "steps": …, "folder": …,
                                                          "uses": {"_cores": 1}, "needs": [3, 4]}, …]}
    {"event": "start", "time": …, "id": 7}
    {"event": "finish", "time": …, "id": 7}
    {"event": "fail", "time": …, "id": 7, "rule": …, "output": …, "log": […], "message": …}
    {"event": "error", "time": …, "message": …}

`time` is that of time.time(). The plan comes from the Snakefile, before the first job starts: what Snakemake logs of the plan
is only how many jobs each rule has. This repository is no installed package, so `snakemake` registers the plugin itself.
"""

import json
import sys
import time
from dataclasses import dataclass, field
from logging import ERROR, LogRecord
from pathlib import Path

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent, logger_plugin_module_prefix
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase

NAME = "job-events"
_handlers: list["LogHandler"] = []


def command(words: list[str], events: Path) -> list[str]:
    """The command line that calls Snakemake with these arguments and has it write its events to a new file."""
    call = f"from {__name__} import snakemake; snakemake()"
    # First: in a list of targets, after `--`, it would be one.
    return [sys.executable, "-c", call, "--logger", NAME, f"--logger-{NAME}-file", str(events), *words]


def snakemake() -> None:
    """`snakemake` with this plugin; does not return."""
    from snakemake.cli import main

    module = logger_plugin_module_prefix + NAME.replace("-", "_")
    LoggerPluginRegistry().register_plugin(module, sys.modules[__name__])
    main()


def plan(workflow) -> None:
    """Write the plan of a workflow (Snakemake's object), if the plugin was asked for."""
    if not _handlers:
        return
    limits = {name: limit for name, limit in workflow.scheduler.global_resources.items() if limit < sys.maxsize}
    needed = set(workflow.dag.needrun_jobs())
    jobs = [
        {
            "id": workflow.dag.jobid(job),
            "rule": job.rule.name,
            "wildcards": dict(job.wildcards_dict),
            "steps": job.resources.get("steps"),
            "folder": str(Path(job.output[0]).parent) if job.output else None,
            "uses": {name: value for name, value in job.scheduler_resources.items() if name in limits},
            "needs": [workflow.dag.jobid(other) for other in workflow.dag.dependencies[job] if other in needed],
        }
        for job in needed
    ]
    for handler in _handlers:
        handler.write("plan", time.time(), limits=limits, jobs=jobs)


@dataclass
class LogHandlerSettings(LogHandlerSettingsBase):
    """Becomes the option --logger-job-events-file."""

    file: str = field(default="", metadata={"help": "where to write events of jobs, as lines of JSON"})


class LogHandler(LogHandlerBase):
    """Writes every event of a job at once."""

    writes_to_stream = False
    writes_to_file = False  # Of Snakemake's text, which would be announced as a complete log.
    has_filter = True  # `--quiet` hides nothing here.
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        self._file = open(self.settings.file, "w", encoding="utf-8")  # noqa: SIM115 (closed by Snakemake, in close)
        _handlers.append(self)

    def write(self, event: str, moment: float, **what) -> None:
        """One line, in one piece."""
        self._file.write(json.dumps({"event": event, "time": moment, **what}) + "\n")
        self._file.flush()

    def emit(self, record: LogRecord) -> None:
        """Called by Snakemake for everything that it logs."""
        match getattr(record, "event", None):
            case LogEvent.JOB_INFO:
                self.write("start", record.created, id=record.jobid)
            case LogEvent.JOB_FINISHED:
                self.write("finish", record.created, id=record.job_id)
            case LogEvent.JOB_ERROR:
                told = {"rule": record.rule_name, "output": list(record.output), "log": list(record.log)}
                self.write("fail", record.created, id=record.jobid, message=record.rule_msg, **told)
            case _ if record.levelno >= ERROR:
                self.write("error", record.created, message=record.getMessage())

    def close(self) -> None:
        """No event comes after this."""
        _handlers.remove(self)
        self._file.close()
        super().close()
