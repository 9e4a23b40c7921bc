"""Structured logs: one JSON object a line on stdout, ours, the SDK's and the libraries' alike."""

import logging
import sys
import time
from collections.abc import Mapping

import structlog
from temporalio import activity, workflow

REPETITION_SECONDS = 10.0
"""aiokafka repeats the same three lines ten times a second while a broker is away; each is written once in so long."""


class RepetitionFilter(logging.Filter):
    """Drops a library's line when the same line was written a moment ago."""

    def __init__(self, prefix: str) -> None:
        """Makes the filter.

        Args:
            prefix: Loggers whose name begins so are filtered, others pass.
        """
        super().__init__()
        self._prefix = prefix
        self._written: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Says whether a record is written."""
        if not record.name.startswith(self._prefix):
            return True
        # By template: the arguments vary, the trouble does not.
        key = str(record.msg)
        now = time.monotonic()
        if now - self._written.get(key, -REPETITION_SECONDS) < REPETITION_SECONDS:
            return False
        self._written[key] = now
        return True


_EXTRA = ("temporal_workflow", "temporal_activity", "event_id", "outcome", "trace_id")
"""What lines of the standard library's loggers, the SDK's among them, may bring beside their text."""


def _flatten(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Gives lines of workflows and activities the names that all lines have."""
    for name in ("temporal_workflow", "temporal_activity"):
        details: Mapping[str, object] = event.pop(name, None) or {}
        event.update(
            {
                ours: details[theirs]
                for ours, theirs in (
                    ("workflow_id", "workflow_id"),
                    ("run_id", "run_id"),
                    ("run_id", "workflow_run_id"),
                    ("activity", "activity_type"),
                    ("attempt", "attempt"),
                )
                if theirs in details
            }
        )
    return event


def configure_logging(*, process: str, program: str, level: str = "INFO") -> None:
    """Sends every log of the interpreter to stdout as JSON.

    Args:
        process: Name of the process, in every line as `process`.
        program: `worker` or `ingress`, in every line as `program`.
        level: Name of the lowest level that is written; INFO where the name is none.
    """

    def add_origin(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["process"] = process
        event["program"] = program
        return event

    # The SDK would write the same into the text of each line.
    workflow.logger.workflow_info_on_message = False
    activity.logger.activity_info_on_message = False
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        add_origin,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(allow=_EXTRA), _flatten],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            # Without locals: environment and settings, secrets among them, are locals of the outer frames.
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    handler.addFilter(RepetitionFilter("aiokafka"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.getLevelNamesMapping().get(level.upper(), logging.INFO))
    # One line a request of the health endpoints would drown the rest.
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
