"""What a program is told from outside: environment and mounted files, as frozen, typed values.

Every problem is collected and reported at once, before anything is connected. Secrets never appear in one.
"""

from ameide_process.configuration._bindings import (
    DEAD_LETTER,
    PROGRESS,
    BoundSubscription,
    OutputSettings,
    SubscriptionSettings,
)
from ameide_process.configuration._concurrency import WorkerConcurrency
from ameide_process.configuration._environment import (
    DEFAULT_HISTORY_BYTES,
    DEFAULT_HISTORY_EVENTS,
    DEFAULT_OLDEST_UNACKNOWLEDGED_SECONDS,
    HistoryBudget,
    HttpSettings,
    WorkerVersion,
    write_termination_log,
)
from ameide_process.configuration._http import HttpListening, HttpSubscription, HttpTls
from ameide_process.configuration._kafka import KafkaConnection, KafkaOutput, KafkaSasl, KafkaSubscription
from ameide_process.configuration._loading import (
    IngressConfiguration,
    ProgramConfiguration,
    WorkerConfiguration,
    load_ingress_configuration,
    load_worker_configuration,
)
from ameide_process.configuration._nats import NatsConnection, NatsCredentials, NatsOutput, NatsSubscription
from ameide_process.configuration._nats_subjects import is_subject, subject_covers
from ameide_process.configuration._problems import (
    CONTRACT_MISMATCH_EXIT_CODE,
    STARTUP_ERROR_EXIT_CODE,
    ContractMismatchError,
    Problem,
    StartupError,
)
from ameide_process.configuration._temporal import TemporalSettings
from ameide_process.configuration._tls import ClientTls
from ameide_process.configuration._tracing import TracingSettings
from ameide_process.configuration._variables import help_of

__all__ = [
    "CONTRACT_MISMATCH_EXIT_CODE",
    "DEAD_LETTER",
    "DEFAULT_HISTORY_BYTES",
    "DEFAULT_HISTORY_EVENTS",
    "DEFAULT_OLDEST_UNACKNOWLEDGED_SECONDS",
    "PROGRESS",
    "STARTUP_ERROR_EXIT_CODE",
    "BoundSubscription",
    "ClientTls",
    "ContractMismatchError",
    "HistoryBudget",
    "HttpListening",
    "HttpSettings",
    "HttpSubscription",
    "HttpTls",
    "IngressConfiguration",
    "KafkaConnection",
    "KafkaOutput",
    "KafkaSasl",
    "KafkaSubscription",
    "NatsConnection",
    "NatsCredentials",
    "NatsOutput",
    "NatsSubscription",
    "OutputSettings",
    "Problem",
    "ProgramConfiguration",
    "StartupError",
    "SubscriptionSettings",
    "TemporalSettings",
    "TracingSettings",
    "WorkerConcurrency",
    "WorkerConfiguration",
    "WorkerVersion",
    "help_of",
    "is_subject",
    "load_ingress_configuration",
    "load_worker_configuration",
    "subject_covers",
    "write_termination_log",
]
