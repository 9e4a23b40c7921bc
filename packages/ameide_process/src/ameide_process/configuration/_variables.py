"""The environment variables of a program, as its `--help` lists them."""

from collections.abc import Iterator
from textwrap import wrap
from typing import Final

WIDTH: Final = 100
_INDENT: Final = 4

_SHARED: Final = (
    ("TEMPORAL_ADDRESS", "host:port of the Temporal frontend. Required, unless a profile has it."),
    ("TEMPORAL_NAMESPACE", "Unset: default."),
    ("TEMPORAL_API_KEY", "Key of Temporal Cloud, or of a server with such keys."),
    (
        "TEMPORAL_TLS, TEMPORAL_TLS_*",
        (
            "TLS to Temporal, as with every Temporal tool: TEMPORAL_TLS_SERVER_CA_CERT_PATH, TEMPORAL_TLS_SERVER_NAME, "
            "TEMPORAL_TLS_CLIENT_CERT_PATH, TEMPORAL_TLS_CLIENT_KEY_PATH, and more."
        ),
    ),
    ("TEMPORAL_CONFIG_FILE, TEMPORAL_PROFILE", "A file with Temporal's profiles, and the one to take."),
    ("TEMPORAL_TASK_QUEUE", "Worker and ingress must have the same. Unset: that of the process."),
)
_LAST: Final = (
    ("PORT_HTTP", "Port of /healthz, /readyz, /metrics and /contract. Unset: 8080."),
    ("HTTP_HOST", "Where to listen. Unset: everywhere."),
    ("OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_*", "Where spans go, by the variables of OpenTelemetry. Unset: nowhere."),
    ("LOG_LEVEL", "DEBUG, INFO, WARNING or ERROR. Unset: INFO."),
    (
        "PROCESS_NAME, PROCESS_API_MAJOR",
        "What the deployment takes this program for; another one ends with exit code 78.",
    ),
    ("TERMINATION_LOG", "File for the reason of a start that failed. Unset: /dev/termination-log, where it exists."),
)
_OWN: Final = {
    "worker": (
        ("OUTPUT_CONFIG", "YAML file that binds dead-letter and each stream of facts to Kafka or NATS. Required."),
        ("TEMPORAL_DEPLOYMENT_NAME, TEMPORAL_WORKER_BUILD_ID", "Version of the worker. Unset: unversioned."),
        (
            "TEMPORAL_WORKER_*",
            (
                "How much is done at once, for example TEMPORAL_WORKER_MAX_CONCURRENT_ACTIVITY_EXECUTION_SIZE. "
                "Unset: the SDK's defaults."
            ),
        ),
    ),
    "ingress": (
        ("INGRESS_CONFIG", "YAML file that binds each subscription to Kafka, NATS or an HTTP port. Required."),
        ("OUTPUT_CONFIG", "YAML file that binds dead-letter to Kafka or NATS. Required where a subscription uses it."),
        (
            "INGRESS_OLDEST_UNACKNOWLEDGED_SECONDS",
            "Age of an unacknowledged message at which /readyz turns 503. Unset: 300.",
        ),
        (
            "INGRESS_HISTORY_BYTES, INGRESS_HISTORY_EVENTS",
            (
                "What may wait in the history of a workflow that no worker handles. Unset: 20 MB, 8,000 events; at "
                "most 40 MB, 9,500 events."
            ),
        ),
    ),
}
_PURPOSE: Final = {
    "worker": "runs its workflows and activities",
    "ingress": "takes events from its subscriptions and signals its workflows, starting them as needed",
}


def help_of(process: str, program: str) -> str:
    """Says what a program is for, and by which variables it is told what to do.

    Args:
        process: Name of the process.
        program: `worker` or `ingress`.
    """
    return "\n".join(
        [
            f"Usage: {process}-{program}",
            "",
            *wrap(
                f"The {program} of the process {process}: it {_PURPOSE[program]}, until SIGTERM or SIGINT. "
                "It takes no arguments; the environment tells it everything. What is missing or wrong is said at once.",
                WIDTH,
            ),
            "",
            "Environment:",
            *_listed(program),
            "",
            *wrap(
                f"The README of the package {process} shows what the files hold. Exit codes: 0 after a graceful stop, "
                "1 after an uncaught error, 2 for a wrong environment or argument, 78 for another process.",
                WIDTH,
            ),
            "",
        ]
    )


def _listed(program: str) -> Iterator[str]:
    for names, what in (*_SHARED, *_OWN[program], *_LAST):
        yield f"  {names}"
        yield from (" " * (2 + _INDENT) + line for line in wrap(what, WIDTH - 2 - _INDENT))
