"""Watches resources by kopf, of which nothing else is used: no annotation, finalizer or event is ever written by it."""

import asyncio
import itertools
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

import httpx2
import kopf
import structlog
from lightkube import SingleConfig

from ameide_operator.kubernetes import Body, Cluster
from ameide_operator.models import GROUP, KIND, PLURAL, VERSION
from ameide_operator.reconciling import Store

STOP_SECONDS: Final = 10.0
"""What kopf gets to end when the operator does."""

RESTART_SECONDS: Final = 2.0
"""Between an end of kopf and its next start: an error inside a watch stream ends it."""

SILENCE_SECONDS: Final = 70.0
"""How long a watch may say nothing before its connection is taken for dead."""

IDLE_SECONDS: Final = 0.5
"""How long kopf keeps a task and the body of an object after its last event: at a start, all of them at once."""


class See(Protocol):
    """Takes in what the watch has seen; the change is None where it comes from a list."""

    def __call__(self, body: Body, change: str | None) -> None: ...


_log = structlog.get_logger(__name__)


class Backoffs:
    """Pauses between tries of one request, in seconds, without end: kopf gives up, and ends, when they run out."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((1, 1, 2, 3, 5, 8), itertools.repeat(13))


async def watch(cluster: Cluster, store: Store, *, listed: asyncio.Event, overdue: asyncio.Event) -> None:
    """Keeps the store up to date, until cancelled; starts kopf again whenever it ends.

    Args:
        cluster: Where to look.
        store: What to fill.
        listed: Is set whenever kopf has listed the resources anew: what was deleted before that, it never tells; and
            when their API is gone.
        overdue: Set when kopf does not show what there is: it is started again.
    """
    # kopf runs in a thread and an event loop of its own: when it ends it cancels every task of its loop, and in the
    # main thread it takes over the signals.
    loop = asyncio.get_running_loop()

    def see(body: Body, change: str | None) -> None:
        loop.call_soon_threadsafe(partial(store.see, KIND, body, deleted=change == "DELETED"))
        if change is None:
            loop.call_soon_threadsafe(listed.set)

    while True:
        # kopf looks once which APIs there are, and without that of Process would wait for ever.
        await _until_served(cluster, gone=listed)
        overdue.clear()
        stop = threading.Event()
        running = loop.run_in_executor(None, _run, cluster, see, stop)
        try:
            # Not cancelled with this task: a thread can only be asked.
            await _either(running, overdue)
            if not running.done():
                stop.set()
                await asyncio.wait([running], timeout=STOP_SECONDS)
            if running.done():
                running.result()
            _log.warning("the watch of resources ended; it starts again", overdue=overdue.is_set())
        except asyncio.CancelledError:
            stop.set()
            await asyncio.wait([running], timeout=STOP_SECONDS)
            raise
        except Exception as error:  # noqa: BLE001 # whatever ends kopf, the watches must go on
            _log.warning("the watch of resources failed; it starts again", error=str(error))
        await asyncio.sleep(RESTART_SECONDS)


async def _either(running: asyncio.Future[None], overdue: asyncio.Event) -> None:
    """Waits until kopf has ended, or should."""
    called = asyncio.create_task(overdue.wait())
    try:
        await asyncio.wait([running, called], return_when=asyncio.FIRST_COMPLETED)
    finally:
        called.cancel()


async def _until_served(cluster: Cluster, *, gone: asyncio.Event) -> None:
    told = False
    while True:
        try:
            if await cluster.serves_resources():
                return
        except (httpx2.HTTPError, ValueError):  # ValueError: an answer that is no JSON
            return  # kopf finds out, and tries again by itself
        if not told:
            _log.warning("the cluster no longer has the API of Process; install its CRD", crd=f"{PLURAL}.{GROUP}")
            gone.set()
            told = True
        await asyncio.sleep(RESTART_SECONDS)


def _run(cluster: Cluster, see: See, stop: threading.Event) -> None:
    asyncio.run(_operate(cluster, see, stop))


async def _operate(cluster: Cluster, see: See, stop: threading.Event) -> None:
    namespace = cluster.namespace
    try:
        await kopf.operator(
            registry=_registry(cluster.config, see),
            settings=_settings(watch_seconds=cluster.watch_seconds),
            standalone=True,
            clusterwide=namespace is None,
            namespaces=[namespace] if namespace else [],
            stop_flag=stop,
        )
    finally:
        # kopf waits for it in a thread, which outlives kopf's end by a failure, and for which the loop's end waits.
        stop.set()


def _settings(*, watch_seconds: int) -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.process.ultimate_exiting_timeout = None  # it would kill this process
    settings.networking.error_backoffs = Backoffs()
    settings.networking.request_timeout = 30
    settings.watching.server_timeout = watch_seconds
    # The server says something each minute; where a watch is kept open for less, its end is that.
    settings.watching.inactivity_timeout = min(SILENCE_SECONDS, watch_seconds + 5)
    settings.queueing.idle_timeout = IDLE_SECONDS
    settings.scanning.disabled = True  # it would list CRDs and namespaces, which the Role does not allow
    return settings


def _registry(config: SingleConfig, see: See) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    def log_in(**_: Any) -> kopf.ConnectionInfo:
        return _connection(config)

    async def on_event(event: Mapping[str, Any], **_: Any) -> None:
        see(event["object"], event["type"])

    kopf.on.login(registry=registry, errors=kopf.ErrorsMode.TEMPORARY)(log_in)
    kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)(on_event)
    return registry


def _connection(config: SingleConfig) -> kopf.ConnectionInfo:
    """The same way in as lightkube's; called again when the API server refuses a token, which may have been renewed."""
    user = config.user
    token = user.token if user else None
    if user and user.token_file:
        token = Path(user.token_file).read_text(encoding="utf-8").strip()
    authority = config.cluster.certificate_auth
    certificate = user.client_cert if user else None
    key = user.client_key if user else None
    return kopf.ConnectionInfo(
        server=config.cluster.server,
        ca_path=str(config.abs_file(authority)) if authority else None,
        ca_data=config.cluster.certificate_auth_data,
        insecure=config.cluster.insecure,
        certificate_path=str(config.abs_file(certificate)) if certificate else None,
        certificate_data=user.client_cert_data if user else None,
        private_key_path=str(config.abs_file(key)) if key else None,
        private_key_data=user.client_key_data if user else None,
        username=user.username if user else None,
        password=user.password if user else None,
        token=token,
        default_namespace=config.namespace,
    )
