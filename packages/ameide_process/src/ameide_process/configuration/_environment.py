"""The environment variables of a program, each with its rule."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ameide_process.configuration._problems import ContractMismatchError, Problem, ProblemList
from ameide_process.contract import ProcessContract

DEFAULT_PORT = 8080
DEFAULT_HOST = "0.0.0.0"  # noqa: S104 - a pod's health endpoint is asked from outside the pod
DEFAULT_OLDEST_UNACKNOWLEDGED_SECONDS = 300.0
"""Beyond any restart of a worker, a broker or Temporal."""

DEFAULT_HISTORY_BYTES = 20 * 1024 * 1024
"""Two fifths of `limit.historySize.error` of a server as it comes (50 MB)."""
DEFAULT_HISTORY_EVENTS = 8_000
"""Four fifths of `history.maximumSignalsPerExecution` of a server as it comes (10,000)."""
_LEAST_HISTORY_BYTES = 4 * 1024 * 1024
"""The server suggests to a workflow to go on as a new run at this size; parked before, it would never get there."""
_LEAST_HISTORY_EVENTS = 4_096
"""The same in events."""
_MOST_HISTORY_BYTES = 40 * 1024 * 1024
"""What is on its way while we look must fit below the server's limit, too."""
_MOST_HISTORY_EVENTS = 9_500
"""The same in events, of which almost all may be signals."""

TERMINATION_LOG = Path("/dev/termination-log")
"""Kubernetes' own default of `terminationMessagePath`."""


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Where `/healthz`, `/readyz`, `/metrics` and `/contract` are served."""

    host: str
    port: int
    """0 lets the system choose one."""


@dataclass(frozen=True, slots=True)
class WorkerVersion:
    """The Worker Deployment version of a worker."""

    deployment_name: str
    build_id: str


@dataclass(frozen=True, slots=True)
class HistoryBudget:
    """The history of a workflow above which the ingress sends it nothing more until a worker has shortened it."""

    size: int = DEFAULT_HISTORY_BYTES
    """Bytes."""
    events: int = DEFAULT_HISTORY_EVENTS


def check_identity(contract: ProcessContract, environ: Mapping[str, str], problems: ProblemList) -> None:
    """Compares the binary with what the deployment says it is.

    Raises:
        ContractMismatchError: PROCESS_NAME or PROCESS_API_MAJOR is set and names something else. Raised at once:
            the rest of the environment was written for another process.
    """
    name = environ.get("PROCESS_NAME") or contract.name
    declared_major = environ.get("PROCESS_API_MAJOR") or str(contract.api_major)
    if not declared_major.isdecimal():
        problems.add("PROCESS_API_MAJOR", declared_major, "set it to a number, the api_major of the process")
        declared_major = str(contract.api_major)
    expected = {"name": name, "apiMajor": int(declared_major)}
    actual = {"name": contract.name, "apiMajor": contract.api_major}
    if expected == actual:
        return
    mismatches: list[Problem] = []
    if name != contract.name:
        mismatches.append(Problem("PROCESS_NAME", name, f"this image implements {contract.name}; deploy the right one"))
    if expected["apiMajor"] != contract.api_major:
        mismatches.append(
            Problem("PROCESS_API_MAJOR", declared_major, f"this image implements api major {contract.api_major}")
        )
    raise ContractMismatchError(mismatches, expected=expected, actual=actual)


def read_http(environ: Mapping[str, str], problems: ProblemList) -> HttpSettings:
    """Reads HTTP_HOST and PORT_HTTP."""
    text = environ.get("PORT_HTTP") or str(DEFAULT_PORT)
    port = DEFAULT_PORT
    if text.isdecimal() and int(text) <= 65535:
        port = int(text)
    else:
        problems.add("PORT_HTTP", text, "set it to a port number, 0 to 65535")
    return HttpSettings(host=environ.get("HTTP_HOST") or DEFAULT_HOST, port=port)


def read_task_queue(contract: ProcessContract, environ: Mapping[str, str]) -> str:
    """Reads TEMPORAL_TASK_QUEUE, the one setting that worker and ingress must share."""
    return environ.get("TEMPORAL_TASK_QUEUE") or contract.default_task_queue


def read_worker_version(environ: Mapping[str, str], problems: ProblemList) -> WorkerVersion | None:
    """Reads TEMPORAL_DEPLOYMENT_NAME and TEMPORAL_WORKER_BUILD_ID.

    Returns:
        The version, or None for an unversioned worker.
    """
    deployment_name = environ.get("TEMPORAL_DEPLOYMENT_NAME", "")
    build_id = environ.get("TEMPORAL_WORKER_BUILD_ID", "")
    if "." in deployment_name or ":" in deployment_name:
        problems.add("TEMPORAL_DEPLOYMENT_NAME", deployment_name, "Temporal takes neither '.' nor ':' there")
    if deployment_name and build_id:
        return WorkerVersion(deployment_name=deployment_name, build_id=build_id)
    if deployment_name:
        problems.add("TEMPORAL_WORKER_BUILD_ID", "is not set", "set it too, or unset TEMPORAL_DEPLOYMENT_NAME")
    if build_id:
        problems.add("TEMPORAL_DEPLOYMENT_NAME", "is not set", "set it too, or unset TEMPORAL_WORKER_BUILD_ID")
    return None


def read_oldest_unacknowledged(environ: Mapping[str, str], problems: ProblemList) -> float:
    """Reads INGRESS_OLDEST_UNACKNOWLEDGED_SECONDS, the age at which a message makes the ingress unready."""
    text = environ.get("INGRESS_OLDEST_UNACKNOWLEDGED_SECONDS") or str(DEFAULT_OLDEST_UNACKNOWLEDGED_SECONDS)
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        problems.add("INGRESS_OLDEST_UNACKNOWLEDGED_SECONDS", text, "set it to a number of seconds above 0")
        return DEFAULT_OLDEST_UNACKNOWLEDGED_SECONDS
    return seconds


def read_history_budget(environ: Mapping[str, str], problems: ProblemList) -> HistoryBudget:
    """Reads INGRESS_HISTORY_BYTES and INGRESS_HISTORY_EVENTS, for servers with lower limits than Temporal's own."""

    def read(variable: str, default: int, least: int, most: int, why: str) -> int:
        text = environ.get(variable) or str(default)
        if text.isdecimal() and len(text) <= len(str(most)) and least <= int(text) <= most:
            return int(text)
        problems.add(
            variable,
            text[:100],
            f"set it to a whole number from {least} to {most}: the server {why}, and where its limit is higher nothing "
            "is lost, a key only waits for its worker earlier",
        )
        return default

    return HistoryBudget(
        size=read(
            "INGRESS_HISTORY_BYTES",
            DEFAULT_HISTORY_BYTES,
            _LEAST_HISTORY_BYTES,
            _MOST_HISTORY_BYTES,
            "ends a workflow with a history of 50 MB",
        ),
        events=read(
            "INGRESS_HISTORY_EVENTS",
            DEFAULT_HISTORY_EVENTS,
            _LEAST_HISTORY_EVENTS,
            _MOST_HISTORY_EVENTS,
            "refuses the 10,001st signal of a workflow",
        ),
    )


def read_path(variable: str, environ: Mapping[str, str], problems: ProblemList, *, advice: str) -> Path | None:
    """Reads a variable that names a file; its absence is a problem."""
    value = environ.get(variable)
    if not value:
        problems.add(variable, "is not set", advice)
        return None
    return Path(value)


def write_termination_log(message: dict[str, object], environ: Mapping[str, str]) -> None:
    """Leaves word for whoever reads the pod's status: one JSON object.

    Without TERMINATION_LOG the kubelet's own path is used where the kubelet made it; elsewhere nothing is written.
    """
    configured = environ.get("TERMINATION_LOG")
    path = Path(configured) if configured else TERMINATION_LOG
    if not configured and not path.exists():
        return
    try:
        path.write_text(json.dumps(message) + os.linesep, encoding="utf-8")
    except OSError:
        # The message also goes to stderr; a log that cannot be written must not hide it.
        return
