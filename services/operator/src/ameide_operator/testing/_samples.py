"""Process resources as people write them."""

import copy
from typing import Any, cast

from ameide_operator.models import API_VERSION, KIND

_SAMPLE: dict[str, Any] = {
    "apiVersion": API_VERSION,
    "kind": KIND,
    "metadata": {"name": "order-fulfillment", "namespace": "default"},
    "spec": {
        "process": {"name": "order-fulfillment", "apiMajor": 1},
        "image": {"worker": "registry.test/order-worker:1.2.3", "ingress": "registry.test/order-ingress:1.2.3"},
        "temporal": {
            "address": "temporal-frontend.temporal.svc:7233",
            "namespace": "orders-prod",
            "taskQueue": "order-fulfillment",
        },
        "ingress": {
            "subscriptions": [
                {
                    "name": "orders-facts",
                    "kind": "kafka",
                    "bootstrapServers": ["kafka.kafka.svc:9092"],
                    "topic": "facts.orders.v1",
                }
            ]
        },
        "outputs": [
            {
                "name": "dead-letter",
                "kind": "kafka",
                "bootstrapServers": ["kafka.kafka.svc:9092"],
                "topic": "orders.dead-letter",
            }
        ],
    },
}


def process_resource(name: str = "order-fulfillment", *, namespace: str = "default", **spec: Any) -> dict[str, Any]:
    """A valid resource of a process with worker and ingress, without Secrets.

    Args:
        name: Of the resource.
        namespace: Of the resource, in Kubernetes.
        spec: Parts of spec to change: mappings are merged, None takes a part out, all else replaces it.
    """
    resource = copy.deepcopy(_SAMPLE)
    resource["metadata"] = {"name": name, "namespace": namespace}
    resource["spec"] = merged(resource["spec"], spec)
    return resource


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A JSON merge patch, applied (RFC 7386)."""
    result = dict(base)
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], cast("dict[str, Any]", value))
        else:
            result[key] = value
    return result
