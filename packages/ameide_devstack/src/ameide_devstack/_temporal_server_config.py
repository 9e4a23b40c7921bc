"""The configuration of a full Temporal server on loopback, with all state in one SQLite file."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

from ameide_devstack._certificates import KeyPair
from ameide_devstack._loopback_ports import LOOPBACK

# Each listens for gRPC and for the server's own membership protocol. `internal-frontend` lets the server's own
# workers in without a token.
SERVICES: Final = ("frontend", "internal-frontend", "matching", "history", "worker")
# The server reads keys at start, then at this interval; the minute that is usual would make a test of rotation long.
_KEY_REFRESH: Final = "1s"


class TemporalSecurity(Enum):
    """What a client needs to be let in by the frontend."""

    PLAIN = "plain"
    TLS = "tls"
    MUTUAL_TLS = "mutual-tls"
    MUTUAL_TLS_AND_TOKEN = "mutual-tls-and-token"  # noqa: S105 # names a mode

    @property
    def has_tls(self) -> bool:
        """Whether the frontend talks TLS only."""
        return self is not TemporalSecurity.PLAIN

    @property
    def wants_certificate(self) -> bool:
        """Whether a client must show a certificate."""
        return self in {TemporalSecurity.MUTUAL_TLS, TemporalSecurity.MUTUAL_TLS_AND_TOKEN}

    @property
    def wants_token(self) -> bool:
        """Whether a client must send a JSON Web Token."""
        return self is TemporalSecurity.MUTUAL_TLS_AND_TOKEN


@dataclass(frozen=True, kw_only=True)
class TemporalServerConfig:
    """What differs from one full Temporal server to the next.

    Attributes:
        security: What a client needs.
        database: SQLite file.
        dynamic_config: File with the dynamic configuration.
        ports: Port by role: `<service>` for gRPC, `<service>-membership`, and `http`.
        authority: Certificate of the authority for servers and clients.
        server: Certificate and key of the frontend.
        server_name: A name in the frontend's certificate.
        system_client: Certificate and key with which the server's own workers call the frontend.
        key_set: JSON Web Key Set that tokens are checked with.
    """

    security: TemporalSecurity
    database: Path
    dynamic_config: Path
    ports: Mapping[str, int]
    authority: Path
    server: KeyPair
    server_name: str
    system_client: KeyPair
    key_set: Path

    def render(self) -> dict[str, Any]:
        """Return the configuration file's content."""
        return {
            "log": {"stdout": True, "level": "warn"},
            "persistence": self._persistence(),
            "global": {
                "membership": {"maxJoinDuration": "30s", "broadcastAddress": LOOPBACK},
                **({"tls": self._tls()} if self.security.has_tls else {}),
                **({"authorization": self._authorization()} if self.security.wants_token else {}),
            },
            "services": {service: {"rpc": self._rpc(service)} for service in SERVICES},
            "clusterMetadata": {
                "enableGlobalNamespace": False,
                "failoverVersionIncrement": 10,
                "masterClusterName": "active",
                "currentClusterName": "active",
                "clusterInformation": {
                    "active": {
                        "enabled": True,
                        "initialFailoverVersion": 1,
                        "rpcName": "frontend",
                        "rpcAddress": f"localhost:{self.ports['internal-frontend']}",
                    }
                },
            },
            "dcRedirectionPolicy": {"policy": "noop"},
            "dynamicConfigClient": {"filepath": str(self.dynamic_config), "pollInterval": "10s"},
        }

    def _persistence(self) -> dict[str, Any]:
        # One connection and full synchronisation: what is acknowledged survives SIGKILL.
        store = {
            "sql": {
                "pluginName": "sqlite",
                "databaseName": str(self.database),
                "connectAddr": "localhost",
                "connectProtocol": "tcp",
                "connectAttributes": {"cache": "private", "setup": "true", "journal_mode": "wal", "synchronous": "2"},
                "maxConns": 1,
                "maxIdleConns": 1,
                "maxConnLifetime": "1h",
            }
        }
        return {
            "defaultStore": "default",
            "visibilityStore": "visibility",
            "numHistoryShards": 4,
            "datastores": {"default": store, "visibility": store},
        }

    def _rpc(self, service: str) -> dict[str, Any]:
        rpc = {
            "grpcPort": self.ports[service],
            "membershipPort": self.ports[f"{service}-membership"],
            "bindOnLocalHost": True,
        }
        return {**rpc, "httpPort": self.ports["http"]} if service == "frontend" else rpc

    def _tls(self) -> dict[str, Any]:
        client = {"serverName": self.server_name, "rootCaFiles": [str(self.authority)]}
        server: dict[str, Any] = {"certFile": str(self.server.certificate), "keyFile": str(self.server.key)}
        if self.security.wants_certificate:
            server |= {"requireClientAuth": True, "clientCaFiles": [str(self.authority)]}
        return {
            "frontend": {"server": server, "client": client},
            "systemWorker": {
                "certFile": str(self.system_client.certificate),
                "keyFile": str(self.system_client.key),
                "client": client,
            },
        }

    def _authorization(self) -> dict[str, Any]:
        return {
            "jwtKeyProvider": {"keySourceURIs": [self.key_set.as_uri()], "refreshInterval": _KEY_REFRESH},
            "permissionsClaimName": "permissions",
            "authorizer": "default",
            "claimMapper": "default",
        }
