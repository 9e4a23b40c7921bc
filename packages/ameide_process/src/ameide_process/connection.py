"""The connection to Temporal: made once, kept by the SDK, watched by us.

An unreachable Temporal never ends a program. It is not ready, says why, and goes on trying; only a configuration that
can never work is an error, and `configuration` found that before.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import NoReturn

import structlog
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.runtime import Runtime
from temporalio.service import GrpcCompression, RPCError, RPCStatusCode

from ameide_process.configuration import TemporalSettings
from ameide_process.converter import DATA_CONVERTER
from ameide_process.dial_failure import explain_dial
from ameide_process.serving import Check

PROBE_INTERVAL = 5.0
"""Seconds between two looks at a Temporal that answers."""

CONNECT_TIMEOUT = timedelta(seconds=5)
"""A peer that takes packets and says nothing would hold a dial for a minute."""

PROBE_TIMEOUT = timedelta(seconds=5)

RETRY_INITIAL = 0.2
RETRY_MAXIMUM = 5.0
"""Seconds between two tries of a Temporal that does not answer; each is shortened at random by up to half."""

_logger = structlog.get_logger(__name__)


class TemporalUnreachableError(Exception):
    """There is no connection to Temporal now. The text says why, for people."""


async def dial(
    settings: TemporalSettings,
    *,
    runtime: Runtime | None = None,
    identity: str | None = None,
    compression: GrpcCompression = GrpcCompression.GZIP,
) -> Client:
    """Connects to Temporal, in one try.

    Args:
        settings: Address, namespace and credentials.
        runtime: The SDK's runtime; None: its default one.
        identity: Who we are in histories and in Temporal's UI; None: process id and host.
        compression: Of calls.

    Raises:
        TemporalUnreachableError: It does not answer.
    """
    try:
        return await Client.connect(
            settings.address,
            namespace=settings.namespace,
            api_key=settings.api_key,
            tls=settings.tls,
            rpc_metadata=settings.rpc_metadata,
            data_converter=DATA_CONVERTER,
            identity=identity,
            runtime=runtime,
            connect_timeout=CONNECT_TIMEOUT,
            grpc_compression=compression,
        )
    except RuntimeError as error:
        # The SDK raises plain RuntimeError for every failed dial.
        why = explain_dial(error, tls=bool(settings.tls))
        raise TemporalUnreachableError(f"cannot connect to Temporal at {settings.address}: {why}") from error


async def connect(
    settings: TemporalSettings,
    *,
    runtime: Runtime,
    identity: str,
    check: Check,
    compression: GrpcCompression = GrpcCompression.GZIP,
) -> Client:
    """Connects to Temporal, however long that takes.

    Args:
        settings: Address, namespace and credentials.
        runtime: The SDK's runtime, which collects its metrics.
        identity: Who we are in histories and in Temporal's UI.
        check: Says why there is no connection yet. A namespace is looked for too, but its absence does not keep
            the connection back: `watched` goes on saying so.
        compression: Of calls. The SDK's default saves bandwidth; without it a small call costs a tenth less CPU.
    """
    delay = RETRY_INITIAL
    while True:
        try:
            client = await dial(settings, runtime=runtime, identity=identity, compression=compression)
        except TemporalUnreachableError as error:
            reason = str(error)
            check.failed(reason)
            _logger.debug("dial failed", error=str(error.__cause__))
            _logger.warning("temporal unreachable", reason=reason, retry_in=round(delay, 1))
            await asyncio.sleep(delay * random.uniform(0.5, 1))  # noqa: S311 - jitter
            delay = min(delay * 2, RETRY_MAXIMUM)
        else:
            await probe(client, settings, check)
            return client


@contextlib.asynccontextmanager
async def watched(client: Client, settings: TemporalSettings, check: Check) -> AsyncGenerator[None]:
    """Keeps a check true to the state of the connection and the namespace while the block runs."""
    watching = asyncio.create_task(_watch(client, settings, check))
    try:
        yield
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


async def _watch(client: Client, settings: TemporalSettings, check: Check) -> NoReturn:
    delay = PROBE_INTERVAL
    while True:
        await asyncio.sleep(delay * random.uniform(0.5, 1))  # noqa: S311 - jitter
        delay = PROBE_INTERVAL if await probe(client, settings, check) else 1.0


async def probe(client: Client, settings: TemporalSettings, check: Check) -> bool:
    """Asks Temporal for the namespace once, and tells the check what it said.

    Returns:
        Whether Temporal answered and the namespace is there for us.
    """
    try:
        await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=settings.namespace), timeout=PROBE_TIMEOUT
        )
    except RPCError as error:
        reason = explain(error, settings)
        if check.status.reason != reason:
            _logger.warning("temporal not usable", reason=reason)
        check.failed(reason)
        return False
    if not check.status.ok:
        _logger.info("temporal connected", address=settings.address, namespace=settings.namespace)
    check.passed()
    return True


def explain(error: RPCError, settings: TemporalSettings) -> str:
    """Says in one sentence what is wrong with a connection, and what to do where somebody must do something."""
    match error.status:
        case RPCStatusCode.NOT_FOUND:
            return f"Temporal at {settings.address} has no namespace {settings.namespace!r}; register it"
        case RPCStatusCode.PERMISSION_DENIED | RPCStatusCode.UNAUTHENTICATED:
            return (
                f"Temporal at {settings.address} refuses us in namespace {settings.namespace!r}: {error.message}; "
                "check TEMPORAL_API_KEY or the client certificate"
            )
        case _:
            return f"Temporal at {settings.address} does not answer: {error.status.name}: {error.message}"
