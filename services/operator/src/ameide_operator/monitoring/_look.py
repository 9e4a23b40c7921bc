"""One look at a Temporal frontend and a namespace."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from ameide_operator.conditions import Reason, Verdict, available, failing, unknown
from ameide_operator.monitoring._credentials import (
    Credentials,
    ReadSecret,
    read_admin_credentials,
    read_credentials,
)
from ameide_operator.monitoring._handshake import handshake_fault
from ameide_operator.monitoring._namespace import CALL_LIMIT, ensure_namespace, look_at_namespace
from ameide_operator.monitoring._target import TemporalTarget
from ameide_operator.monitoring._workers import HEARTBEAT_LIMIT, LiveWorker, live_workers
from ameide_operator.rollout import WorkerDeployments

DIAL_SECONDS: Final = 5.0
"""For each dial; a peer that accepts and says nothing would hold one for a minute."""

_log = structlog.get_logger(__name__)

_REFUSED: Final = frozenset({RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED})


@dataclass(frozen=True, slots=True)
class TemporalView:
    """What a look has seen."""

    temporal: Verdict
    namespace: Verdict
    workers: frozenset[LiveWorker] | None = None
    """Workers that poll in the namespace; None: the server does not say."""
    looked_at: datetime = field(default=datetime.min.replace(tzinfo=UTC), compare=False)
    """When the workers were looked at."""


NOT_LOOKED_YET: Final = TemporalView(
    temporal=unknown(Reason.PROGRESSING, "the first look at Temporal is under way"),
    namespace=unknown(Reason.PROGRESSING, "the first look at the namespace is under way"),
)


class Frontend:
    """A connection that is kept between looks, and made anew after one that failed."""

    def __init__(
        self, target: TemporalTarget, read_secret: ReadSecret, *, heartbeat_limit: timedelta = HEARTBEAT_LIMIT
    ) -> None:
        self._target = target
        self._heartbeat_limit = heartbeat_limit
        self._read_secret = read_secret
        self._client: Client | None = None

    async def look(self) -> TemporalView:
        """Looks at the frontend, then at the namespace."""
        if self._client is None:
            credentials = await read_credentials(self._target, self._read_secret)
            connected = await self._dial(credentials)
            if isinstance(connected, Verdict):
                return _temporal_away(connected)
            self._client = connected
        fault = await self._call(self._client)
        if fault is not None:
            self._client = None
            return _temporal_away(fault)
        namespace = await self._namespace(self._client)
        started = datetime.now(UTC)
        workers = await self._workers(self._client) if namespace.holds else None
        return TemporalView(available(f"{self._target.address} answers"), namespace, workers, started)

    async def _dial(self, credentials: Credentials) -> Client | Verdict:
        try:
            async with asyncio.timeout(DIAL_SECONDS):
                fault = await handshake_fault(self._target.address, credentials)
                if fault is not None:
                    return fault
                return await Client.connect(
                    self._target.address,
                    namespace=self._target.namespace,
                    tls=credentials.tls_config(),
                    api_key=credentials.api_key,
                    identity=self._target.identity,
                )
        except TimeoutError:
            address = self._target.address
            return failing(Reason.DIAL_FAILED, f"{address} does not answer within {DIAL_SECONDS:g} s")
        except RuntimeError as error:  # what the SDK raises when it cannot connect
            return _refusal(self._target.address, str(error))

    async def _call(self, client: Client) -> Verdict | None:
        try:
            await client.workflow_service.get_system_info(GetSystemInfoRequest(), retry=False, timeout=CALL_LIMIT)
        except RPCError as error:
            if error.status in _REFUSED:
                return _refusal(self._target.address, error.message)
            return failing(Reason.DIAL_FAILED, f"{self._target.address} does not answer: {error.message}")
        return None

    def worker_deployments(self) -> WorkerDeployments | None:
        """Worker Deployments of the namespace; None while there is no connection."""
        if self._client is None:
            return None
        return WorkerDeployments(self._client, self._target.namespace, self._target.identity)

    async def _workers(self, client: Client) -> frozenset[LiveWorker] | None:
        try:
            return await live_workers(client, self._target.namespace, limit=self._heartbeat_limit)
        except RPCError as error:
            _log.info("workers are not known", address=self._target.address, error=error.message)
            return None

    async def _namespace(self, client: Client) -> Verdict:
        if self._target.retention is None:
            _, verdict = await look_at_namespace(client, self._target.namespace)
            return verdict
        if self._target.admin is None:
            return await ensure_namespace(client, self._target.namespace, self._target.retention)
        # Powerful credentials are used for one look and not kept.
        admin = await self._dial(await read_admin_credentials(self._target, self._read_secret))
        if isinstance(admin, Verdict):
            return failing(admin.reason, f"with the credentials of namespaceManagement.adminSecretRef: {admin.message}")
        return await ensure_namespace(admin, self._target.namespace, self._target.retention)


def _temporal_away(fault: Verdict) -> TemporalView:
    return TemporalView(fault, unknown(fault.reason, "not known while Temporal cannot be asked"))


def _refusal(address: str, words: str) -> Verdict:
    short = words.partition("\n")[0]
    lowered = short.lower()
    if "permission" in lowered or "unauth" in lowered:
        return failing(
            Reason.UNAUTHORIZED,
            f"{address} refuses the credentials: {short}; renew the key in the Secret of spec.temporal.apiKeySecretRef",
        )
    return failing(Reason.DIAL_FAILED, f"cannot talk to {address}: {short}")
