"""Does this table follow? Three doors of rising cost: read what lies here, measure again, train one cell again."""

from pipeline.audit.read import audit, content
from pipeline.audit.report import Report

__all__ = ["Report", "audit", "content"]
