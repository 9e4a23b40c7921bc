"""Health, readiness, metrics and contract endpoints of every program."""

from ameide_process.serving._readiness import Check, CheckStatus, Readiness
from ameide_process.serving._readiness_metric import ReadinessCollector
from ameide_process.serving._server import HttpServer

__all__ = ["Check", "CheckStatus", "HttpServer", "Readiness", "ReadinessCollector"]
