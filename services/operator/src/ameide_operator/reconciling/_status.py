"""Writes the status of a resource: once a pass, and only when it differs."""

import json
from typing import Any

import structlog
from lightkube.core.exceptions import ApiError
from pydantic import ValidationError

from ameide_operator.bodies import list_at
from ameide_operator.kubernetes import CONFLICT, NOT_FOUND, Body, Cluster
from ameide_operator.models import API_VERSION, KIND, Condition, ProcessStatus
from ameide_operator.reconciling._store import ResourceKey, Store

_log = structlog.get_logger(__name__)


class StatusWriter:
    """Writes statuses."""

    def __init__(self, cluster: Cluster, store: Store) -> None:
        self._cluster = cluster
        self._store = store

    async def write(self, key: ResourceKey, body: Body, status: ProcessStatus) -> bool:
        """Makes the status as given.

        A resource that has changed or gone since `body` is left alone: the change is in the queue already.

        Returns:
            Whether it was written.

        Raises:
            ApiError: The server refuses for another reason.
            httpx2.HTTPError: The server does not answer.
        """
        wanted = status.model_dump(mode="json", by_alias=True, exclude_none=True)
        if _same(wanted, body.get("status")):
            return False
        manifest = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {
                "name": key.name,
                "namespace": key.namespace,
                "resourceVersion": body["metadata"]["resourceVersion"],
            },
            "status": wanted,
        }
        try:
            written = await self._cluster.apply_status(key.namespace, key.name, manifest)
        except ApiError as error:
            if error.status.code in {CONFLICT, NOT_FOUND}:
                _log.debug("status overtaken", resource=str(key))
                return False
            raise
        self._store.see_write(KIND, written)
        return True


def conditions_of(body: Body) -> list[Condition]:
    """Conditions of a live resource; those that do not read are left out."""
    found: list[Condition] = []
    for each in list_at(body, "status", "conditions"):
        try:
            found.append(Condition.model_validate(each))
        except ValidationError:
            continue
    return found


def _same(wanted: dict[str, Any], live: Any) -> bool:
    return json.dumps(wanted, sort_keys=True) == json.dumps(live or {}, sort_keys=True)
