"""Resources at the edge of what is allowed: long names, many subscriptions, any script in free text."""

import json
from typing import Any

import pytest
import yaml
from ameide_devstack import TemporalServer
from ameide_operator.testing import process_resource

pytestmark = pytest.mark.e2e

SUBSCRIPTION = process_resource()["spec"]["ingress"]["subscriptions"][0]
LONGEST = "o" * 63
WORDS = "заказы 注文 🛒"


async def test_two_hundred_subscriptions(bed: Any):
    kafka = [SUBSCRIPTION | {"name": f"facts-{number}", "topic": f"facts-{number}"} for number in range(150)]
    posted = [{"name": f"posted-{number}", "kind": "http", "http": {"port": 9000 + number}} for number in range(50)]
    await bed.apply(ingress={"subscriptions": kafka + posted})
    await bed.until("WorkloadReady", "True")
    bindings = yaml.safe_load((await bed.get("configmap", "orders-ingress"))["data"]["ingress.yaml"])
    assert len(bindings) == 200
    ports = (await bed.get("service", "orders-events"))["spec"]["ports"]
    assert sorted(port["port"] for port in ports) == list(range(9000, 9050))


async def test_names_of_63_characters_that_differ_in_the_last(bed: Any):
    names = [f"{LONGEST[:-1]}{last}" for last in "ab"]
    for name in names:
        await bed.apply(name, process={"name": LONGEST}, ingress={"subscriptions": [SUBSCRIPTION]})
    for name in names:
        await bed.until("WorkloadReady", "True", name=name)
        summary = (await bed.get("process", name))["status"]["worker"]["summary"]
        assert summary == "1/1"
    deployments = json.loads(await bed.run("get", "deployments", "-o", "json"))["items"]
    assert len({each["metadata"]["name"] for each in deployments}) == 4
    assert max(len(each["metadata"]["name"]) for each in deployments) <= 63


async def test_any_script_in_free_text(bed: Any):
    """It reaches the pods as it is, and holds up neither this resource nor another."""
    async with TemporalServer(namespace="orders-prod") as temporal:
        text = {"name": "GREETING", "value": WORDS}
        await bed.apply(
            temporal={
                "address": temporal.address, "namespace": WORDS, "taskQueue": WORDS, "identity": WORDS
            },
            worker={"podTemplate": {"env": [text], "annotations": {"example.com/note": WORDS}}},
            ingress={"subscriptions": [SUBSCRIPTION | {"consumerGroup": WORDS}]},
        )  # fmt: skip
        await bed.apply("plain", temporal={"address": temporal.address, "identity": WORDS})
        await bed.until("WorkloadReady", "True")
        await bed.until("Ready", "True", name="plain")
        await bed.until("NamespaceReady", "False", words=WORDS)
    template = (await bed.get("deployment", "orders-worker"))["spec"]["template"]
    environment = {each["name"]: each.get("value") for each in template["spec"]["containers"][0]["env"]}
    assert environment["GREETING"] == environment["TEMPORAL_NAMESPACE"] == environment["TEMPORAL_TASK_QUEUE"] == WORDS
    assert template["metadata"]["annotations"]["example.com/note"] == WORDS
    bindings = yaml.safe_load((await bed.get("configmap", "orders-ingress"))["data"]["ingress.yaml"])
    assert bindings["orders-facts"]["consumerGroup"] == WORDS


async def test_a_resource_that_is_refused_delays_no_other(bed: Any):
    bad: dict[str, Any] = {
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}
    }
    for number in range(10):
        await bed.apply(f"bad-{number}", worker={"podTemplate": {"affinity": bad}})
    await bed.apply()
    await bed.until("WorkloadReady", "True")
    for number in range(10):
        await bed.until("Ready", "False", "InvalidSpec", name=f"bad-{number}")
