"""What the operator makes of a resource on a real API server, and what it leaves alone."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from ameide_devstack import Kubernetes, TemporalServer
from ameide_devstack.testing import wait_until

pytestmark = pytest.mark.e2e

CHILDREN = [
    "ConfigMap/orders-ingress",
    "ConfigMap/orders-worker",
    "Deployment/orders-ingress",
    "Deployment/orders-worker",
    "PodDisruptionBudget/orders-ingress",
    "PodDisruptionBudget/orders-worker",
    "Service/orders-ingress",
    "Service/orders-worker",
    "ServiceAccount/orders",
]


async def children(bed: Any) -> list[str]:
    kinds = "serviceaccounts,configmaps,services,poddisruptionbudgets,deployments"
    listed = json.loads(await bed.run("get", kinds, "-l", "ameide.io/process=orders", "-o", "json"))
    return sorted(f"{each['kind']}/{each['metadata']['name']}" for each in listed["items"])


async def eventually(question: Callable[[], Awaitable[object]]) -> None:
    await wait_until(question, timeout_s=30)


async def test_makes_children_and_their_pods_become_ready(bed: Any):
    await bed.apply(worker={"replicas": 2})
    await bed.until("WorkloadReady", "True")
    assert await children(bed) == CHILDREN
    status = (await bed.get("process", "orders"))["status"]
    assert status["worker"]["summary"] == "2/2"
    assert status["ingress"]["summary"] == "1/1"
    assert status["observedGeneration"] == 1


async def test_writes_no_finalizer_and_no_annotation(bed: Any):
    await bed.apply()
    await bed.until("WorkloadReady", "True")
    metadata = (await bed.get("process", "orders"))["metadata"]
    assert "finalizers" not in metadata
    assert set(metadata["annotations"]) == {"kubectl.kubernetes.io/last-applied-configuration"}


async def test_deleted_children_come_back(bed: Any):
    await bed.apply()
    await bed.until("WorkloadReady", "True")
    for child in CHILDREN:
        before = await bed.get(*child.split("/"))
        await bed.run("delete", *child.split("/"), "--wait=false")

        async def is_another(child: str = child, before: dict[str, Any] = before) -> bool:
            live = await bed.get(*child.split("/"))
            return bool(live) and live["metadata"]["uid"] != before["metadata"]["uid"]

        await eventually(is_another)


async def test_altered_fields_come_back_and_those_of_others_stay(bed: Any):
    await bed.apply()
    await bed.until("WorkloadReady", "True")
    await bed.run("set", "image", "deployment/orders-worker", "worker=elsewhere/image:1")
    await bed.run("label", "deployment", "orders-worker", "app.kubernetes.io/component=other", "--overwrite")
    await bed.run("annotate", "deployment", "orders-worker", "theirs=kept")
    await bed.run(
        "patch", "configmap", "orders-worker", "--type=merge", "-p", '{"data":{"outputs.yaml":"x","more":"y"}}'
    )

    async def is_back() -> bool:
        deployment = await bed.get("deployment", "orders-worker")
        config = await bed.get("configmap", "orders-worker")
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        return (
            container["image"] == "registry.test/order-worker:1.2.3"
            and deployment["metadata"]["labels"]["app.kubernetes.io/component"] == "worker"
            and "dead-letter" in config["data"]["outputs.yaml"]
        )

    await eventually(is_back)
    assert (await bed.get("deployment", "orders-worker"))["metadata"]["annotations"]["theirs"] == "kept"
    assert (await bed.get("configmap", "orders-worker"))["data"]["more"] == "y"


async def test_scaling_and_restarts_by_others_stay(bed: Any):
    await bed.apply()
    await bed.until("WorkloadReady", "True")
    await bed.run("scale", "deployment", "orders-worker", "--replicas=3")
    await bed.run("rollout", "restart", "deployment/orders-worker")
    await bed.apply(image={"worker": "registry.test/order-worker:2"})

    async def has_the_new_image() -> bool:
        live = await bed.get("deployment", "orders-worker")
        return live["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":2")

    await eventually(has_the_new_image)
    live = await bed.get("deployment", "orders-worker")
    assert live["spec"]["replicas"] == 3
    assert "kubectl.kubernetes.io/restartedAt" in live["spec"]["template"]["metadata"]["annotations"]


async def test_replicas_that_spec_no_longer_says_stay_as_they_are(bed: Any):
    await bed.apply(worker={"replicas": 3})
    await bed.until("WorkloadReady", "True")
    await bed.apply(worker={"replicas": None}, image={"worker": "registry.test/order-worker:2"})

    async def has_the_new_image() -> bool:
        live = await bed.get("deployment", "orders-worker")
        return live["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":2")

    await eventually(has_the_new_image)
    assert (await bed.get("deployment", "orders-worker"))["spec"]["replicas"] == 3


async def test_object_of_somebody_else_is_left_alone(bed: Any):
    await bed.run("create", "configmap", "orders-worker", "--from-literal=theirs=1")
    theirs = await bed.get("configmap", "orders-worker")
    await bed.apply()
    ready = await bed.until("Ready", "False", "ChildConflict")
    assert "ConfigMap 'orders-worker' belongs to nobody that says so" in ready["message"]
    assert (await bed.conditions())["Stalled"]["status"] == "True"
    await bed.run("delete", "process", "orders")
    assert await bed.get("configmap", "orders-worker") == theirs


async def test_an_object_in_the_way_is_tried_to_be_made_once_and_then_looked_at(bed: Any, cluster: Kubernetes):
    def tries() -> int:
        wanted = {"resource": "configmaps", "namespace": bed.namespace, "name": "orders-worker"}
        requests = cluster.apiserver.writes()
        return len({each["auditID"] for each in requests if wanted.items() <= each.get("objectRef", {}).items()})

    await bed.run("create", "configmap", "orders-worker")
    before = tries()
    await bed.apply()
    await bed.until("Ready", "False", "ChildConflict")
    for image in ("2", "3"):
        await bed.apply(image={"worker": f"registry.test/order-worker:{image}"})

        async def is_rolled_out(image: str = image) -> bool:
            live = await bed.get("deployment", "orders-worker")
            return live["spec"]["template"]["spec"]["containers"][0]["image"].endswith(f":{image}")

        await eventually(is_rolled_out)
    assert tries() == before + 1
    await bed.run("delete", "configmap", "orders-worker")
    await bed.apply(image={"worker": "registry.test/order-worker:4"})
    await bed.until("WorkloadReady", "True")
    assert (await bed.get("configmap", "orders-worker"))["metadata"]["ownerReferences"]


async def test_an_edit_that_what_spec_says_no_longer_fits_to_is_named(bed: Any):
    await bed.apply()
    await bed.until("WorkloadReady", "True")
    privileged = {
        "op": "replace",
        "path": "/spec/template/spec/containers/0/securityContext",
        "value": {"privileged": True},
    }
    await bed.run("patch", "deployment", "orders-worker", "--type=json", "-p", json.dumps([privileged]))
    ready = await bed.until("Ready", "False", "ChildConflict")
    assert "Deployment 'orders-worker' was edited, and what spec says no longer fits to it" in ready["message"]
    assert "undo that edit, or delete it" in ready["message"]
    await bed.run("delete", "deployment", "orders-worker")

    async def conflict_is_over() -> bool:
        return (await bed.conditions())["Ready"]["reason"] != "ChildConflict"

    await eventually(conflict_is_over)
    await bed.until("WorkloadReady", "True")
    (container,) = (await bed.get("deployment", "orders-worker"))["spec"]["template"]["spec"]["containers"]
    assert not container["securityContext"].get("privileged")


async def test_deleting_the_resource_removes_all_it_made_and_nothing_else(bed: Any):
    await bed.run("create", "configmap", "theirs", "--from-literal=a=b")
    await bed.apply()
    await bed.until("WorkloadReady", "True")
    await bed.run("delete", "process", "orders", "--timeout=30s")

    async def all_gone() -> bool:
        return await children(bed) == [] and not await bed.run("get", "pods", "-o", "name")

    await eventually(all_gone)
    assert await bed.get("configmap", "theirs")


async def test_ingress_that_is_no_longer_wanted_goes(bed: Any):
    await bed.apply()
    await bed.until("WorkloadReady", "True")
    await bed.apply(ingress=None, image={"ingress": None})

    async def worker_alone() -> bool:
        return await children(bed) == [child for child in CHILDREN if not child.endswith("ingress")]

    await eventually(worker_alone)
    status = (await bed.get("process", "orders"))["status"]
    assert "ingress" not in status
    assert "IngressReady" not in await bed.conditions()


async def test_nothing_is_written_when_nothing_changes(bed: Any):
    await bed.apply()
    await bed.until("WorkloadReady", "True")
    await asyncio.sleep(2)  # events of the last writes arrive

    async def versions() -> dict[str, str]:
        found = {each: (await bed.get(*each.split("/")))["metadata"]["resourceVersion"] for each in CHILDREN}
        return found | {"Process": (await bed.get("process", "orders"))["metadata"]["resourceVersion"]}

    before = await versions()
    await bed.run("annotate", "process", "orders", "touched=1")
    await asyncio.sleep(2)
    after = await versions()
    changed = {each for each in after if after[each] != before[each]}
    assert changed == {"Process"}
    fields = (await bed.get("process", "orders"))["metadata"]["managedFields"]
    status = next(entry for entry in fields if entry.get("subresource") == "status")
    assert status["manager"] == "ameide-operator"


async def test_steady_state_makes_no_request_that_writes(restless_bed: Any, cluster: Kubernetes):
    """Over looks at Temporal and a resync, by the API server's own audit log."""
    bed = restless_bed
    resources = [f"orders-{number}" for number in range(10)]
    async with TemporalServer(namespace="orders-prod") as temporal:
        for name in resources:
            await bed.apply(name, temporal={"address": temporal.address})
        for name in resources:
            await bed.until("Ready", "True", "Available", name=name)
        await asyncio.sleep(2)  # events of the last writes arrive
        log = cluster.apiserver.writes()
        user = f"system:serviceaccount:{bed.namespace}:ameide-operator"
        assert len([each for each in log if each["user"]["username"] == user]) >= len(resources), (
            "it is told by its name"
        )
        await asyncio.sleep(12)
        later = cluster.apiserver.writes()[len(log) :]
    in_namespace = [each for each in later if each["objectRef"].get("namespace") == bed.namespace]
    assert in_namespace == [], "neither the operator, nor others because of it"


@pytest.mark.parametrize(
    ("affinity", "named"),
    [
        ({"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}, "nodeSelectorTerms"),
        ("yes", "nodeAffinity"),  # a wrong type, which the API server answers as an error of its own
    ],
    ids=["value", "type"],
)
async def test_what_the_cluster_refuses_is_said(bed: Any, affinity: object, named: str):
    await bed.apply(worker={"podTemplate": {"affinity": {"nodeAffinity": affinity}}})
    ready = await bed.until("Ready", "False", "InvalidSpec", "it is made of spec.worker: correct that")
    assert named in ready["message"]
    assert (await bed.conditions())["Stalled"]["status"] == "True"


async def test_what_is_forbidden_is_said_and_tried_again(bed: Any):
    rules = json.loads(await bed.run("get", "role", "ameide-operator", "-o", "json"))["rules"]
    (place,) = [number for number, rule in enumerate(rules) if "deployments" in rule["resources"]]

    async def allow(verbs: list[str]) -> None:
        change = [{"op": "replace", "path": f"/rules/{place}/verbs", "value": verbs}]
        await bed.run("patch", "role", "ameide-operator", "--type=json", "-p", json.dumps(change))

    await allow(["get", "list", "watch"])
    await bed.apply()
    await bed.until("Ready", "False", "Forbidden", 'cannot patch resource "deployments"')
    assert (await bed.conditions())["Reconciling"]["status"] == "True"
    await allow(rules[place]["verbs"])
    await bed.until("WorkloadReady", "True")
