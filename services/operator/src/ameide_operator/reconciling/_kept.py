"""The parts of an object that somebody looks at: there are many objects, and most of each is never read."""

from collections.abc import Mapping
from typing import Any, Final

from ameide_operator.bodies import mapping_at
from ameide_operator.kubernetes import POD, Body
from ameide_operator.models import GROUP, KIND
from ameide_operator.planning import BUILD_LABEL, COMPONENT_LABEL, DEPLOYMENT
from ameide_operator.reconciling._ownership import owners_alone

_METADATA: Final = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "ownerReferences",
)
_POD_STATUS: Final = ("phase", "podIP", "conditions", "containerStatuses")


def kept(kind: str, body: Body) -> Body:
    """What the store keeps of an object; of what it has kept before, the same."""
    metadata = {name: body["metadata"][name] for name in _METADATA if name in body["metadata"]}
    if kind == KIND:
        return {"metadata": metadata, "spec": mapping_at(body, "spec"), "status": mapping_at(body, "status")}
    if kind == POD:
        labels = mapping_at(body, "metadata", "labels")
        metadata["labels"] = {name: labels[name] for name in (COMPONENT_LABEL, BUILD_LABEL) if name in labels}
        return {"metadata": metadata, "status": _only(mapping_at(body, "status"), _POD_STATUS)}
    annotations = mapping_at(body, "metadata", "annotations")
    metadata["annotations"] = {name: value for name, value in annotations.items() if name.startswith(f"{GROUP}/")}
    metadata["managedFields"] = owners_alone(body)
    if kind == DEPLOYMENT:
        return {
            "metadata": metadata,
            "spec": _only(mapping_at(body, "spec"), ("replicas",)),
            "status": mapping_at(body, "status"),
        }
    return {"metadata": metadata}


def _only(content: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: content[name] for name in names if name in content}
