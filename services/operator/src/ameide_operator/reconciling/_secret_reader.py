"""Reads a Secret when it has changed, and keeps what is no secret of it."""

from ameide_operator.kubernetes import SECRET, Cluster
from ameide_operator.reconciling._store import Store
from ameide_operator.secret_summary import SecretSummary, summarize


class SecretReader:
    """Summaries of Secrets, by the version that the watch of metadata has seen."""

    def __init__(self, cluster: Cluster, store: Store) -> None:
        self._cluster = cluster
        self._store = store
        self._summaries: dict[tuple[str, str], SecretSummary] = {}

    async def read(self, namespace: str, name: str) -> SecretSummary | None:
        """What is known of a Secret; None where there is none.

        Raises:
            ApiError: The server refuses.
            httpx2.HTTPError: The server does not answer.
        """
        version = self._store.secret_version(namespace, name)
        if version is None:
            self._summaries.pop((namespace, name), None)
            return None
        known = self._summaries.get((namespace, name))
        if known is not None and known.resource_version == version:
            return known
        body = await self._cluster.get(SECRET, namespace, name)
        if body is None:
            return None
        summary = summarize(body)
        self._summaries[(namespace, name)] = summary
        return summary
