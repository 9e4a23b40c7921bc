"""Starts real servers for demo, tests and benchmarks.

Each server is an async context manager: `async with TemporalDevServer() as server: ... server.address`.
"""

from ameide_devstack._apache_kafka import ApacheKafka
from ameide_devstack._certificates import CertificateAuthority, KeyPair
from ameide_devstack._embedded_kafka import EmbeddedKafka
from ameide_devstack._errors import (
    AssetsMissingError,
    BuildError,
    DevstackError,
    PortTakenError,
    ServerError,
    ServerExitError,
    ServerStartError,
    ToolMissingError,
)
from ameide_devstack._helm import helm_binary
from ameide_devstack._kafka_broker import KafkaBroker
from ameide_devstack._kubernetes import Kubernetes
from ameide_devstack._kubernetes_servers import Etcd, KubeApiServer, KubeControllerManager
from ameide_devstack._nats_operator import NatsOperator, new_user_key
from ameide_devstack._nats_server import NatsServer
from ameide_devstack._program import Program
from ameide_devstack._server import Server
from ameide_devstack._temporal_dev_server import TemporalDevServer
from ameide_devstack._temporal_server import TemporalServer
from ameide_devstack._temporal_server_config import TemporalSecurity
from ameide_devstack._time_skipping_server import TimeSkippingServer
from ameide_devstack._token_issuer import TokenIssuer

__all__ = [
    "ApacheKafka",
    "AssetsMissingError",
    "BuildError",
    "CertificateAuthority",
    "DevstackError",
    "EmbeddedKafka",
    "Etcd",
    "KafkaBroker",
    "KeyPair",
    "KubeApiServer",
    "KubeControllerManager",
    "Kubernetes",
    "NatsOperator",
    "NatsServer",
    "PortTakenError",
    "Program",
    "Server",
    "ServerError",
    "ServerExitError",
    "ServerStartError",
    "TemporalDevServer",
    "TemporalSecurity",
    "TemporalServer",
    "TimeSkippingServer",
    "TokenIssuer",
    "ToolMissingError",
    "helm_binary",
    "new_user_key",
]
