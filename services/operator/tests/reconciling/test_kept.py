"""What is kept of an object answers whatever is asked of the whole."""

from typing import Any

import pytest
from ameide_operator.models import KIND, MANAGER
from ameide_operator.planning import build_of, replicas_seen
from ameide_operator.reconciling._kept import kept
from ameide_operator.reconciling._ownership import controller_uid, owned_fields
from ameide_operator.testing import process_resource

OURS: dict[str, Any] = {
    "manager": MANAGER,
    "operation": "Apply",
    "apiVersion": "apps/v1",
    "fieldsType": "FieldsV1",
    "fieldsV1": {"f:spec": {"f:replicas": {}, "f:selector": {}}},
}
SCALED: dict[str, Any] = {
    "manager": "kubectl",
    "operation": "Update",
    "subresource": "scale",
    "fieldsV1": OURS["fieldsV1"],
}
OTHERS: dict[str, Any] = {"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {"f:paused": {}}}}


def deployment(*managers: dict[str, Any]) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "orders-worker",
            "namespace": "orders",
            "uid": "u",
            "resourceVersion": "7",
            "annotations": {"ameide.io/build-id": "b1", "ameide.io/image": "image:b1", "example.com/long": "x" * 1000},
            "labels": {"ameide.io/process": "orders"},
            "ownerReferences": [{"kind": KIND, "name": "orders", "uid": "o", "controller": True}],
            "managedFields": list(managers),
        },
        "spec": {"replicas": 3, "template": {"spec": {"containers": ["x" * 1000]}}},
        "status": {"readyReplicas": 2},
    }


@pytest.mark.parametrize("managers", [(), (OURS,), (SCALED, OURS), (SCALED,), (OTHERS,), (OURS, OTHERS)])
def test_of_a_deployment(managers: tuple[dict[str, Any], ...]):
    whole = deployment(*managers)
    short = kept("Deployment", whole)
    for asked in (owned_fields, controller_uid, replicas_seen, build_of):
        assert asked(short) == asked(whole)
    assert short["status"] == whole["status"]
    assert kept("Deployment", short) == short
    assert len(str(short)) < 1000


def test_a_field_of_ours_that_somebody_takes_is_noticed():
    less: dict[str, Any] = OURS | {"fieldsV1": {"f:spec": {"f:replicas": {}}}}
    assert owned_fields(kept("Deployment", deployment(OURS))) != owned_fields(kept("Deployment", deployment(less)))


def test_of_a_resource():
    whole = process_resource()
    whole["metadata"] |= {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "x"}, "uid": "u"}
    short = kept(KIND, whole | {"status": {"conditions": []}})
    assert short["spec"] == whole["spec"]
    assert short["status"] == {"conditions": []}
    assert set(short["metadata"]) == {"name", "namespace", "uid"}
