"""The full Temporal server, which the dev server is not: TLS, client certificates, tokens, a durable file."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Final

from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsRequest,
    DescribeNamespaceRequest,
    RegisterNamespaceRequest,
)
from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError, RPCStatusCode

from ameide_devstack._build_cache import Build, built
from ameide_devstack._certificates import CertificateAuthority, KeyPair
from ameide_devstack._loopback_ports import LOOPBACK
from ameide_devstack._server import Server
from ameide_devstack._temporal_server_config import SERVICES, TemporalSecurity, TemporalServerConfig
from ameide_devstack._token_issuer import TokenIssuer

_MODULE: Final = files("ameide_devstack").joinpath("temporal_server")
TEMPORAL_SERVER_BUILD: Final = Build(
    name="temporal-server-1.32.1",
    inputs={name: _MODULE.joinpath(name).read_bytes() for name in ("go.mod", "go.sum")},
    command=(
        *("go", "build", "-trimpath", "-ldflags", "-s -w"),
        *("-o", "out/temporal-server", "go.temporal.io/server/cmd/server"),
    ),
    environment={"CGO_ENABLED": "0"},
    duration="3 to 6 minutes on two cores",
    install="install Go 1.26.8 or newer (https://go.dev/dl)",
)
_RETENTION: Final = timedelta(days=1)  # the shortest that the server takes


class TemporalServer(Server):
    """`temporal-server` with frontend, matching, history and worker in one process, its state in one SQLite file.

    Args:
        security: What the frontend asks of clients.
        namespace: Registered before the server counts as ready, with `more_namespaces`.
        more_namespaces: Further ones.
        certificate_hosts: Names and addresses in the frontend's certificate; one without 127.0.0.1 needs clients that
            set a server name.
        dynamic_config: Server settings, such as `{"limit.maxIDLength": 200}`.
        port: Port of the gRPC frontend; None leases a free one.
        data_dir: Where state, configuration, certificates and log lie; None makes a temporary folder.

    Attributes:
        authority: Issues certificates that this server trusts.
        foreign_authority: Issues certificates that it does not.
        tokens: Issues tokens that this server trusts.
        client: Certificate and key that the server accepts.
        expired_client: Certificate and key that it would accept if they had not expired.
        foreign_client: Certificate and key from `foreign_authority`.
    """

    name = "temporal-server"

    def __init__(
        self,
        *,
        security: TemporalSecurity = TemporalSecurity.PLAIN,
        namespace: str = "default",
        more_namespaces: Sequence[str] = (),
        certificate_hosts: Sequence[str] = (LOOPBACK, "localhost"),
        dynamic_config: Mapping[str, bool | float | str | Mapping[str, object] | Sequence[object]] | None = None,
        port: int | None = None,
        data_dir: Path | None = None,
    ) -> None:
        memberships = [f"{service}-membership" for service in SERVICES]
        super().__init__(
            data_dir=data_dir, ports={**dict.fromkeys([*SERVICES, *memberships, "http"]), "frontend": port}
        )
        self.security = security
        self.namespace = namespace
        self._namespaces = (namespace, *more_namespaces)
        self._dynamic_config = dict(dynamic_config or {})
        pki = self.data_dir / "pki"
        self.authority = CertificateAuthority(pki)
        self.foreign_authority = CertificateAuthority(pki, "foreign-ca")
        self.tokens = TokenIssuer(pki)
        self.client = self.authority.issue_client("client")
        self.expired_client = self.authority.issue_client("expired-client", valid_for=-timedelta(minutes=1))
        self.foreign_client = self.foreign_authority.issue_client("foreign-client")
        self._server_name = certificate_hosts[0]
        self._server_pair = self.authority.issue_server("server", hosts=certificate_hosts)
        self._system_client = self.authority.issue_client("system-client")

    @property
    def address(self) -> str:
        """`host:port` of the gRPC frontend."""
        return f"{LOOPBACK}:{self.port('frontend')}"

    def environment(
        self, *, namespace: str | None = None, client: KeyPair | None = None, token: str | None = None
    ) -> dict[str, str]:
        """Return the variables that let a client in, as `temporalio.envconfig` reads them.

        Args:
            namespace: Of the client; by default the first of this server.
            client: Certificate to show where one is wanted; by default the good one.
            token: Token to send where one is wanted, empty for none; by default one that may write in all namespaces
                of this server.
        """
        variables = {"TEMPORAL_ADDRESS": self.address, "TEMPORAL_NAMESPACE": namespace or self.namespace}
        if self.security.has_tls:
            variables |= {
                "TEMPORAL_TLS": "true",
                "TEMPORAL_TLS_SERVER_CA_CERT_PATH": str(self.authority.certificate),
                "TEMPORAL_TLS_SERVER_NAME": self._server_name,
            }
        if self.security.wants_certificate:
            shown = client or self.client
            variables |= {
                "TEMPORAL_TLS_CLIENT_CERT_PATH": str(shown.certificate),
                "TEMPORAL_TLS_CLIENT_KEY_PATH": str(shown.key),
            }
        if self.security.wants_token:
            sent = self.tokens.token(*(f"{name}:write" for name in self._namespaces)) if token is None else token
            variables |= {"TEMPORAL_API_KEY": sent} if sent else {}
        return variables

    async def connect(
        self,
        *,
        data_converter: DataConverter = DataConverter.default,
        namespace: str | None = None,
        client: KeyPair | None = None,
        token: str | None = None,
    ) -> Client:
        """Connect a client with what `environment` says; the arguments of the same name go there.

        Raises:
            RuntimeError: The server does not answer, or refuses the certificate, or the token is broken (one that
                only lacks permissions connects, and is refused call by call).
        """
        options = ClientConfig.load_client_connect_config(
            disable_file=True, override_env_vars=self.environment(namespace=namespace, client=client, token=token)
        )
        return await Client.connect(**options, data_converter=data_converter)

    def operator_token(self) -> str:
        """Return a token that may do everything, in the whole cluster."""
        return self.tokens.token("temporal-system:admin", subject="operator")

    async def _command(self) -> Sequence[str]:
        binary = await built(TEMPORAL_SERVER_BUILD) / "temporal-server"
        dynamic_config = self.data_dir / "dynamic.yaml"
        settings = {
            "system.forceSearchAttributesCacheRefreshOnRead": True,
            "system.namespaceCacheRefreshInterval": "100ms",
            **self._dynamic_config,
        }
        # JSON is YAML.
        dynamic_config.write_text(json.dumps({key: [{"value": value}] for key, value in settings.items()}, indent=2))
        database = self.data_dir / "temporal.db"
        if database.exists():
            _forget_members(database)
        config = TemporalServerConfig(
            security=self.security,
            database=database,
            dynamic_config=dynamic_config,
            ports={role: self.port(role) for role in self._ports},
            authority=self.authority.certificate,
            server=self._server_pair,
            server_name=self._server_name,
            system_client=self._system_client,
            key_set=self.tokens.key_set_path,
        )
        config_file = self.data_dir / "temporal-server.yaml"
        config_file.write_text(json.dumps(config.render(), indent=2))
        services = [argument for service in SERVICES for argument in ("--service", service)]
        return [str(binary), "--config-file", str(config_file), "--allow-no-auth", "start", *services]

    async def _why_not_ready(self) -> str | None:
        try:
            client = await self.connect(token=self.operator_token())
            for namespace in self._namespaces:
                await _register(client, namespace)
                # Registered is in the database; this asks through the cache, by which workflows start.
                await client.workflow_service.count_workflow_executions(
                    CountWorkflowExecutionsRequest(namespace=namespace), retry=False
                )
        except (RuntimeError, RPCError) as error:  # the SDK raises RuntimeError when it cannot connect
            return str(error)
        return None


async def _register(client: Client, namespace: str) -> None:
    try:
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        request = RegisterNamespaceRequest(namespace=namespace)
        request.workflow_execution_retention_period.FromTimedelta(_RETENTION)
        await client.workflow_service.register_namespace(request)


def _forget_members(database: Path) -> None:
    """Remove what a killed server left of its membership.

    For 20 s a server would send work to these ports, which may be others now, and not end on SIGTERM.
    """
    # Of a file that is not its database the server itself says so, better.
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM cluster_membership")
