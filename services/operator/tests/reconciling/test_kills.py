"""The operator is killed again and again while it works, and started again: at the end all is as it should be."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from ameide_devstack.testing import wait_until
from ameide_operator.testing import operator_process
from lightkube import SingleConfig

pytestmark = pytest.mark.e2e

KILLS = 50
LONGEST_LIFE_S = 4.0
"""It takes some two seconds until it reconciles, so about half of its lives end before, half amid."""

NAMES = [f"orders-{number}" for number in range(6)]
CHILDREN = "serviceaccounts,configmaps,services,poddisruptionbudgets,deployments"


class Person:
    """Creates, changes, damages and deletes resources, and knows what should be there."""

    def __init__(self, bed: Any, chance: random.Random) -> None:
        self._bed = bed
        self._chance = chance
        self.secrets = 1
        self.images: dict[str, str] = {}
        self.done: Counter[str] = Counter()

    async def act(self) -> None:
        """Does something; what it says of a resource is the last word on it."""
        name = self._chance.choice(NAMES)
        deeds = ["create"] if name not in self.images else ["change", "rotate", "damage", "scale", "delete"]
        deed = self._chance.choice(deeds)
        self.done[deed] += 1
        match deed:
            case "create" | "change":
                self.images[name] = f"registry.test/order-worker:{self.done.total()}"
                await self.apply(name)
            case "rotate":
                self.secrets += 1
                await self.write_secret()
            case "damage":
                kind = self._chance.choice(["deployment", "configmap", "service", "poddisruptionbudget"])
                await self._bed.run("delete", kind, f"{name}-worker", "--ignore-not-found", "--wait=false")
            case "scale":
                await self.apply(name)
            case _:
                del self.images[name]
                await self._bed.run("delete", "process", name, "--wait=false")

    async def write_secret(self) -> None:
        text = json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"},
                           "stringData": {"token": str(self.secrets)}})  # fmt: skip
        await self._bed.run("apply", "-f", "-", content=text)

    async def apply(self, name: str) -> None:
        secret = {"apiKeySecretRef": {"name": "key", "key": "token"}, "tls": {"mode": "TLS"}}
        replicas = self._chance.randint(1, 2)
        await self._bed.apply(name, image={"worker": self.images[name]}, temporal=secret, worker={"replicas": replicas})


async def listed(bed: Any, kinds: str) -> list[dict[str, Any]]:
    labels = "app.kubernetes.io/managed-by=ameide-operator"
    return json.loads(await bed.run("get", kinds, "-l", labels, "-o", "json"))["items"]


def expected(names: Mapping[str, str]) -> list[tuple[str, str]]:
    """Kind and name of all children."""
    kinds = ["ConfigMap", "Deployment", "PodDisruptionBudget", "Service"]
    parts = [(kind, f"{name}-{part}") for name in names for kind in kinds for part in ("worker", "ingress")]
    return sorted(parts + [("ServiceAccount", name) for name in names])


async def wrong(bed: Any, person: Person) -> list[str]:
    """What is not as it should be."""
    children = await listed(bed, CHILDREN)
    resources = json.loads(await bed.run("get", "processes", "-o", "json"))["items"]
    uids = {each["metadata"]["name"]: each["metadata"]["uid"] for each in resources}
    found = sorted((each["kind"], each["metadata"]["name"]) for each in children)
    faults = [f"children: {sorted(set(found) ^ set(expected(person.images)))}"] * (found != expected(person.images))
    for each in children:
        owners = [(owner["name"], owner["uid"]) for owner in each["metadata"]["ownerReferences"]]
        name = each["metadata"]["labels"]["ameide.io/process"]
        if owners != [(name, uids.get(name))]:
            faults.append(f"owners of {each['metadata']['name']}: {owners}")
    pods = Counter(
        (pod["metadata"]["labels"]["ameide.io/process"], pod["metadata"]["labels"]["app.kubernetes.io/component"])
        for pod in await listed(bed, "pods")
    )
    for resource in resources:
        name = resource["metadata"]["name"]
        wanted = resource["spec"]["worker"]["replicas"]
        if (pods[name, "worker"], pods[name, "ingress"]) != (wanted, 1):
            faults.append(f"pods of {name}: {pods}")
        worker = await bed.get("deployment", f"{name}-worker")
        template = worker.get("spec", {}).get("template", {"spec": {"containers": [{"image": ""}]}})
        if template["spec"]["containers"][0]["image"] != person.images.get(name):
            faults.append(f"image of {name}")
        status = resource.get("status", {})
        stood = {each["type"]: each for each in status.get("conditions", ())}
        states = {kind: (each["status"], each["reason"]) for kind, each in stood.items()}
        right = {"SecretsReady": ("True", "Available"), "WorkloadReady": ("True", "Available"),
                 "TemporalReady": ("False", "DialFailed"), "Ready": ("False", "DialFailed")}  # fmt: skip
        faults += [f"{name} {kind}: {states.get(kind)}" for kind in right if states.get(kind) != right[kind]]
        if {each["observedGeneration"] for each in stood.values()} != {resource["metadata"]["generation"]}:
            faults.append(f"generation of {name}")
        if status.get("worker", {}).get("summary") != f"{wanted}/{wanted}":
            faults.append(f"summary of {name}")
    return faults + [f"pods of {name}, which is gone" for name, _ in pods if name not in uids]


async def test_killed_at_any_point_it_converges_after_its_next_start(bed_alone: Any, operator_config: SingleConfig):
    chance = random.Random(7)  # noqa: S311 # repeats a schedule, no secret
    person = Person(bed_alone, chance)
    kubeconfig = operator_config.fname
    assert kubeconfig is not None

    def operator() -> AbstractAsyncContextManager[asyncio.subprocess.Process]:
        return operator_process(kubeconfig, bed_alone.namespace, log_level="ERROR")

    await person.write_secret()
    for _ in range(KILLS):
        async with operator() as process:
            life = asyncio.create_task(asyncio.sleep(chance.uniform(0.02, LONGEST_LIFE_S)))
            await person.act()
            while not life.done():
                await asyncio.sleep(chance.uniform(0, 0.5))
                if not life.done():
                    await person.act()
            assert process.returncode is None, "it ended by itself"
    if not person.images:
        person.images[NAMES[0]] = "registry.test/order-worker:last"
        await person.apply(NAMES[0])
    assert len(person.done) == 6, "each kind of deed was done"
    left: list[str] = []

    async def all_right() -> bool:
        left[:] = await wrong(bed_alone, person)
        return not left

    async with operator():
        try:
            await wait_until(all_right, timeout_s=90)
        except TimeoutError:
            pytest.fail(f"still wrong: {left}")
