"""Calls of the Kubernetes API, as the operator needs them."""

import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from types import TracebackType
from typing import Any, Final, Self, cast

import httpx2
from lightkube import ALL_NS, AsyncClient, KubeConfig, SingleConfig
from lightkube.config.client_adapter import AsyncClient as PlainClient
from lightkube.config.client_adapter import ConnectionParams, verify_cluster
from lightkube.core.exceptions import ApiError
from lightkube.types import PatchType

from ameide_operator.kubernetes._kinds import KINDS
from ameide_operator.models import API_VERSION, GROUP, KIND, MANAGER, PLURAL
from ameide_operator.planning import MANAGED_BY_LABEL

Body = Mapping[str, Any]
"""An object as the API server sends it."""

FORBIDDEN: Final = 403
NOT_FOUND: Final = 404
CONFLICT: Final = 409
GONE: Final = 410
TOO_MANY_REQUESTS: Final = 429

MANAGED: Final = {MANAGED_BY_LABEL: MANAGER}
"""Labels of all that the operator makes, pods included."""

_OF_NO_OBJECT: Final = "1"
"""A version of the cluster when it was empty: an apply that names it conflicts with every object there is. (A create
proper would leave the fields with a manager that no later apply takes them from.)"""

_BOOKMARK: Final = "BOOKMARK"
_RETRY_AFTER: Final = "Retry-After"
_METADATA_ONLY: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_METADATA_LIST_ONLY: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_CHUNK: Final = 100
"""Objects a page of a list: decoded, each takes some 40 kB until it is trimmed."""
WATCH_SECONDS: Final = 300
"""How long the server keeps a watch open."""
_SILENCE_SECONDS: Final = 10.0
"""What a watch may be silent beyond that before its connection is taken for dead."""
_LIST_SECONDS: Final = 60.0
"""What a page of a list may take: the API server's own limit of a request."""


class Cluster:
    """The API server, and the namespace that the operator looks at.

    Args:
        config: How to reach it; None finds out as kubectl does, or from the pod's service account.
        namespace: The namespace; None: all.
        watch_seconds: How long the server keeps a watch open.
    """

    def __init__(
        self, config: SingleConfig | None = None, *, namespace: str | None, watch_seconds: int = WATCH_SECONDS
    ) -> None:
        found = config or KubeConfig.from_env().get()
        if found is None:
            raise ValueError("no kubeconfig is configured; set KUBECONFIG, or run in a pod")
        self.config: Final = found
        self.namespace: Final = namespace
        self.watch_seconds: Final = watch_seconds
        # Any: its overloads name unparameterized types, so every call would be of unknown type.
        self._client: Any = AsyncClient(config=found, field_manager=MANAGER)
        # httpx keeps a pool a client: watches and lists have their own.
        silence = watch_seconds + _SILENCE_SECONDS
        self._whole: Any = AsyncClient(config=found, transport=_WatchTransport(found, watch_silence=silence))
        self._metadata: Any = AsyncClient(config=found, transport=_MetadataTransport(found, watch_silence=silence))
        self._plain = PlainClient(found, ConnectionParams())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in (self._client, self._whole, self._metadata):
            await client.close()
        await self._plain.aclose()

    async def serves_resources(self) -> bool:
        """Whether the cluster has the API of Process: both that its group is there and what is in it say so.

        Raises:
            httpx2.HTTPError: The server refuses, or does not answer.
        """
        groups = (await self._plain.get("apis")).raise_for_status().json()["groups"]
        if not any(group["name"] == GROUP for group in groups):
            return False
        found = await self._plain.get(f"apis/{API_VERSION}")
        if found.status_code == NOT_FOUND:
            return False
        return any(each["name"] == PLURAL for each in found.raise_for_status().json()["resources"])

    async def get(self, kind: str, namespace: str, name: str) -> Body | None:
        """An object, or None where it is not there.

        Raises:
            ApiError: The server refuses.
            httpx2.HTTPError: The server does not answer.
        """
        try:
            return cast("Body", await self._client.get(KINDS[kind], name, namespace=namespace))
        except ApiError as error:
            if error.status.code == NOT_FOUND:
                return None
            raise

    async def apply(self, kind: str, namespace: str, name: str, manifest: Body, *, dry_run: bool = False) -> Body:
        """Writes the fields of a manifest, by server-side apply, taking over those of other managers.

        Args:
            kind: The kind.
            namespace: Of the object.
            name: Of the object.
            manifest: Its fields.
            dry_run: Only asks whether they would be taken.

        Raises:
            ApiError: The server refuses.
            httpx2.HTTPError: The server does not answer.
        """
        applied = await self._client.patch(
            KINDS[kind],
            name,
            dict(manifest),
            namespace=namespace,
            patch_type=PatchType.APPLY,
            force=True,
            dry_run=dry_run,
        )
        return cast("Body", applied)

    async def create(self, kind: str, namespace: str, name: str, manifest: Body) -> Body:
        """Makes an object by server-side apply, as one whose fields are ours, unless there is one of that name.

        Raises:
            ApiError: The server refuses; 409 where there is one.
            httpx2.HTTPError: The server does not answer.
        """
        metadata = {**manifest["metadata"], "resourceVersion": _OF_NO_OBJECT}
        return await self.apply(kind, namespace, name, {**manifest, "metadata": metadata})

    async def try_create(self, kind: str, namespace: str, manifest: Body) -> None:
        """Asks whether a manifest would be taken as a new object; nothing is made.

        Raises:
            ApiError: It would not be.
            httpx2.HTTPError: The server does not answer.
        """
        name = f"try-{uuid.uuid4().hex[:16]}"
        named = {**manifest, "metadata": {**manifest["metadata"], "name": name}}
        await self.apply(kind, namespace, name, named, dry_run=True)

    async def apply_status(self, namespace: str, name: str, manifest: Body) -> Body:
        """Writes the status of a Process; what it leaves out and the operator wrote before goes.

        Raises:
            ApiError: The server refuses; 409 where the resource has changed since.
            httpx2.HTTPError: The server does not answer.
        """
        applied = await self._client.patch(
            KINDS[KIND].Status, name, dict(manifest), namespace=namespace, patch_type=PatchType.APPLY, force=True
        )
        return cast("Body", applied)

    async def delete(self, kind: str, namespace: str, name: str) -> None:
        """Deletes an object; one that is not there is fine.

        Raises:
            ApiError: The server refuses.
            httpx2.HTTPError: The server does not answer.
        """
        try:
            await self._client.delete(KINDS[kind], name, namespace=namespace)
        except ApiError as error:
            if error.status.code != NOT_FOUND:
                raise

    async def list_all(
        self,
        kind: str,
        see: Callable[[Body], None],
        *,
        labels: Mapping[str, str] | None = None,
        metadata_only: bool = True,
    ) -> str:
        """Looks at all objects of a kind.

        Args:
            kind: The kind.
            see: Takes them, one after the other: thousands at once would be most of the memory that is ever used.
            labels: Those that an object must have.
            metadata_only: Without their content.

        Returns:
            The version to watch from.

        Raises:
            ApiError: The server refuses, or does not have the kind.
            httpx2.HTTPError: The server does not answer.
        """
        found = (self._metadata if metadata_only else self._whole).list(
            KINDS[kind], namespace=self.namespace or ALL_NS, chunk_size=_CHUNK, labels=dict(labels) if labels else None
        )
        async for each in found:
            see(cast("Body", each))
        return found.resourceVersion

    async def watch(
        self, kind: str, since: str, *, labels: Mapping[str, str] | None = None, metadata_only: bool
    ) -> AsyncIterator[tuple[str, Body]]:
        """Changes of objects of a kind: ADDED, MODIFIED or DELETED, and the object.

        Args:
            kind: The kind.
            since: Version of the list that the changes follow.
            labels: Those that an object must have.
            metadata_only: Without their content.

        Raises:
            ApiError: The version is too old, or the server refuses: list again.
            httpx2.HTTPError: The connection broke: list again.
        """
        changes = (self._metadata if metadata_only else self._whole).watch(
            KINDS[kind],
            namespace=self.namespace or ALL_NS,
            labels=dict(labels) if labels else None,
            resource_version=since,
            server_timeout=self.watch_seconds,
        )
        async for change, body in changes:
            if change != _BOOKMARK:  # lightkube has taken its version
                yield change, cast("Body", body)


def seconds_to_wait(error: Exception) -> float:
    """For how long the API server asks not to be asked again, in seconds; 0.0 where it does not."""
    response = getattr(error, "response", None)  # of an error within a stream there is none
    if not isinstance(response, httpx2.Response):
        return 0.0
    try:
        return max(float(response.headers.get(_RETRY_AFTER, 0)), 0.0)
    except ValueError:  # a date, which an API server never says
        return 0.0


class _WatchTransport(httpx2.AsyncHTTPTransport):
    """Notices connections whose other end is gone: lightkube waits for ever."""

    def __init__(self, config: SingleConfig, *, watch_silence: float) -> None:
        self._watch_silence = watch_silence
        if config.user is None:
            raise ValueError("the kubeconfig names no user; add one to its context")
        super().__init__(verify=verify_cluster(config.cluster, config.user, config.abs_file))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if _is_watch(request):  # else a quiet watch goes on from a version that the server has forgotten
            request.url = request.url.copy_set_param("allowWatchBookmarks", "true")
        silence = self._watch_silence if _is_watch(request) else _LIST_SECONDS
        request.extensions["timeout"]["read"] = silence
        return await super().handle_async_request(request)


class _MetadataTransport(_WatchTransport):
    """Asks for metadata alone: content of Secrets never enters the process by a watch."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if _is_watch(request):
            request.headers["Accept"] = _METADATA_ONLY
            return await super().handle_async_request(request)
        request.headers["Accept"] = _METADATA_LIST_ONLY
        request.headers["Accept-Encoding"] = "identity"
        response = await super().handle_async_request(request)
        content = await response.aread()
        # The server says null of an empty list of metadata, which lightkube does not take.
        content = content.replace(b'"items":null', b'"items":[]')
        headers = {name: response.headers[name] for name in (_RETRY_AFTER,) if name in response.headers}
        headers["Content-Type"] = _content_type(response)
        return httpx2.Response(response.status_code, headers=headers, content=content)


def _is_watch(request: httpx2.Request) -> bool:
    return request.url.params.get("watch") == "true"


def _content_type(response: httpx2.Response) -> str:
    # Errors come as plain JSON; lightkube looks for exactly that.
    return response.headers.get("Content-Type", "").partition(";")[0]
