"""Does this table follow? Three doors of rising cost: read what lies here, measure again, train one cell again."""

from pipeline.audit.report import Report
from pipeline.audit.walk import audit, content

__all__ = ["Report", "audit", "content"]
