"""Labels of what the operator made, edited by people: those of children come back, a pod without them is let go."""

from typing import Any

import pytest
from ameide_devstack.testing import wait_until
from ameide_operator.planning import Component
from ameide_operator.testing import crashed, running

pytestmark = pytest.mark.e2e

PROCESS = "ameide.io/process"
MANAGED_BY = "app.kubernetes.io/managed-by"
CHILDREN = [
    "serviceaccount/orders",
    "configmap/orders-worker",
    "service/orders-worker",
    "poddisruptionbudget/orders-worker",
    "deployment/orders-worker",
]


async def until_labels_are_back(bed: Any) -> None:
    async def all_are_back() -> bool:
        labels = [(await bed.get(*child.split("/")))["metadata"]["labels"] for child in CHILDREN]
        wanted = {PROCESS: "orders", MANAGED_BY: "ameide-operator"}
        return all(wanted.items() <= each.items() for each in labels)

    await wait_until(all_are_back, timeout_s=30)


@pytest.mark.parametrize(
    "edit", [f"{PROCESS}-", f"{PROCESS}=other", f"{MANAGED_BY}-"], ids=["removed", "changed", "unmanaged"]
)
async def test_labels_of_children_come_back(bed: Any, edit: str):
    await bed.apply()
    await bed.until("WorkloadReady", "True")
    for child in CHILDREN:
        await bed.run("label", child, edit, "--overwrite")
    await until_labels_are_back(bed)
    # What becomes of them is still noticed.
    await bed.run("delete", *CHILDREN[-1].split("/"), "--wait=false")
    await until_deployment_is_made_again(bed)
    await bed.until("WorkloadReady", "True")


async def until_deployment_is_made_again(bed: Any) -> None:
    async def is_there() -> bool:
        live = await bed.get("deployment", "orders-worker")
        return bool(live) and "deletionTimestamp" not in live["metadata"]

    await wait_until(is_there, timeout_s=30)


async def test_resource_that_is_made_again_finds_nothing_of_relabelled_children(bed: Any):
    await bed.apply()
    await bed.until("WorkloadReady", "True")
    for child in CHILDREN:
        await bed.run("label", child, f"{PROCESS}=other", "--overwrite")
    await bed.run("delete", "process", "orders")
    await bed.apply()
    await bed.until("WorkloadReady", "True")
    await until_labels_are_back(bed)


async def test_unmanaged_deployment_keeps_the_replicas_that_spec_no_longer_says(bed: Any):
    await bed.apply(worker={"replicas": 3})
    await bed.until("WorkloadReady", "True")
    await bed.apply(worker={"replicas": None})
    await bed.run("label", "deployment/orders-worker", f"{MANAGED_BY}-")
    await until_labels_are_back(bed)
    assert (await bed.get("deployment", "orders-worker"))["spec"]["replicas"] == 3


@pytest.mark.parametrize("edit", [f"{PROCESS}-", f"{PROCESS}=other"], ids=["removed", "changed"])
async def test_pod_that_is_set_aside_no_longer_counts(bed: Any, edit: str):
    bed.kubelet.states[Component.WORKER] = crashed(1, "boom")
    await bed.apply()
    await bed.until("WorkloadReady", "False", "CrashLoopBackOff")
    selector = f"{PROCESS}=orders,app.kubernetes.io/component=worker"
    (pod,) = (await bed.run("get", "pods", "-l", selector, "-o", "name")).split()
    # The one set aside goes on crashing; those that follow run.
    image = "registry.test/order-worker:2"
    bed.kubelet.images[image] = running()
    await bed.run("label", pod, edit, "--overwrite")
    await bed.apply(image={"worker": image})
    await bed.until("WorkloadReady", "True")
    assert await bed.run("get", pod, "-o", "name")
