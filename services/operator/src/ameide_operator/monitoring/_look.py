"""One look at a Temporal frontend and a namespace."""

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError

from ameide_operator.conditions import Reason, Verdict, available, failing, unknown
from ameide_operator.monitoring._credential_places import CredentialPlaces
from ameide_operator.monitoring._credentials import (
    Credentials,
    ReadSecret,
    UnusableCredentialsError,
    read_admin_credentials,
    read_credentials,
)
from ameide_operator.monitoring._handshake import handshake_fault, tls_where_plain_is_spoken
from ameide_operator.monitoring._namespace import ensure_namespace, look_at_namespace
from ameide_operator.monitoring._target import TemporalTarget
from ameide_operator.monitoring._workers import HEARTBEAT_LIMIT, LiveWorker, live_workers
from ameide_operator.rollout import WorkerDeployments
from ameide_operator.temporal_calls import CALL_LIMIT

DIAL_SECONDS: Final = 5.0
"""For each dial; a peer that accepts and says nothing would hold one for a minute."""

_log = structlog.get_logger(__name__)

_STATUS: Final = re.compile(r"\bcode: '?(\w+)")
"""The gRPC status in what the SDK says of a connection that failed: it has no other way to tell."""
_REFUSED: Final = frozenset({"PermissionDenied", "Unauthenticated"})
_BUSY: Final = frozenset({"Unavailable", "ResourceExhausted"})


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
        self._places = CredentialPlaces()

    async def look(self) -> TemporalView:
        """Looks at the frontend, then at the namespace."""
        client = await self._connection()
        if isinstance(client, Verdict):
            return _temporal_away(client)
        namespace = await self._namespace(client)
        started = datetime.now(UTC)
        workers = await self._workers(client) if namespace.holds else None
        return TemporalView(available(f"{self._target.address} answers"), namespace, workers, started)

    async def _connection(self) -> Client | Verdict:
        """The connection that is kept if it still serves, else a new one, or what is wrong with that."""
        if self._client is not None and await self._answers(self._client):
            return self._client
        self._client = None
        try:
            credentials = await read_credentials(self._target, self._read_secret)
        except UnusableCredentialsError as error:
            return failing(Reason.UNAUTHORIZED, str(error))
        connected = await self._dial(credentials)
        if isinstance(connected, Client):
            self._client, self._places = connected, credentials.places
        return connected

    async def _dial(self, credentials: Credentials) -> Client | Verdict:
        address = self._target.address
        try:
            async with asyncio.timeout(DIAL_SECONDS):
                fault = await handshake_fault(address, credentials)
                if fault is not None:
                    return fault
                return await Client.connect(
                    address,
                    namespace=self._target.namespace,
                    tls=credentials.tls_config(),
                    api_key=credentials.api_key,
                    identity=self._target.identity,
                )
        except TimeoutError:
            return failing(Reason.DIAL_FAILED, f"{address} does not answer within {DIAL_SECONDS:g} s")
        except RuntimeError as error:  # what the SDK raises when it cannot connect
            _log.info("cannot connect", address=address, error=str(error))
            return await self._refusal(credentials, str(error))

    async def _refusal(self, credentials: Credentials, words: str) -> Verdict:
        """What a failed connection means; the SDK's own words are other ones each time."""
        address, places = self._target.address, credentials.places
        found = _STATUS.search(words)
        status = found[1] if found else ""
        if status in _REFUSED:
            why = ": it has expired, is of another issuer, or is none; renew it"
            advice = why if places.has_api_key else f"; {places.access_advice}"
            return failing(Reason.UNAUTHORIZED, f"{address} refuses {places.shown}{advice}")
        if not credentials.tls:
            with suppress(TimeoutError):
                async with asyncio.timeout(DIAL_SECONDS):
                    fault = await tls_where_plain_is_spoken(address)
                    if fault is not None:
                        return fault
        if status in _BUSY:
            return failing(Reason.DIAL_FAILED, f"{address} answers that it cannot serve now; is Temporal overloaded?")
        return failing(
            Reason.DIAL_FAILED,
            f"{address} takes connections and does not answer as a frontend of Temporal does; spec.temporal.address "
            "must name its gRPC port",
        )

    async def _answers(self, client: Client) -> bool:
        try:
            await client.workflow_service.get_system_info(GetSystemInfoRequest(), retry=False, timeout=CALL_LIMIT)
        except RPCError as error:
            _log.info("connection lost", address=self._target.address, error=error.message)
            return False
        return True

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
        name, retention = self._target.namespace, self._target.retention
        if retention is None:
            _, verdict = await look_at_namespace(client, name, self._places)
            return verdict
        if self._target.admin is None:
            return await ensure_namespace(client, name, retention, self._places)
        # Powerful credentials are used for one look and not kept.
        try:
            credentials = await read_admin_credentials(self._target, self._read_secret)
        except UnusableCredentialsError as error:
            return failing(Reason.UNAUTHORIZED, str(error))
        admin = await self._dial(credentials)
        if isinstance(admin, Verdict):
            return failing(admin.reason, f"to manage the namespace: {admin.message}")
        ensured = await ensure_namespace(admin, name, retention, credentials.places)
        if not ensured.holds:
            return ensured
        # Those who manage a namespace are not those who work in it.
        _, used = await look_at_namespace(client, name, self._places)
        return ensured if used.holds else used


def _temporal_away(fault: Verdict) -> TemporalView:
    return TemporalView(fault, unknown(fault.reason, "not known while Temporal cannot be asked"))
