"""How events that are posted reach the pods of an ingress."""

from collections.abc import Mapping
from typing import Any

from ameide_operator.models import HttpEndpoint, ProcessSpec
from ameide_operator.planning._names import Component, Owner, selector_labels, shortened


def events_ports(spec: ProcessSpec) -> list[int]:
    """The ports that events are posted to, each once."""
    if spec.ingress is None:
        return []
    posted = (each for each in spec.ingress.subscriptions if each.kind == "http")
    return sorted({(each.http or HttpEndpoint()).port for each in posted})


def container_ports(spec: ProcessSpec, component: Component) -> list[dict[str, Any]]:
    """The ports of a container that take events."""
    if component is not Component.INGRESS:
        return []
    return [{"name": _name(port), "containerPort": port, "protocol": "TCP"} for port in events_ports(spec)]


def events_service(owner: Owner, labels: Mapping[str, str], ports: list[int]) -> dict[str, Any]:
    """Gives producers one address, behind which are the pods that are ready: the others would answer 503."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": shortened(f"{owner.name}-events"), "labels": dict(labels)},
        "spec": {
            "selector": selector_labels(owner, Component.INGRESS),
            "ports": [
                {"name": _name(port), "port": port, "targetPort": _name(port), "protocol": "TCP"} for port in ports
            ],
        },
    }


def _name(port: int) -> str:
    return f"events-{port}"
