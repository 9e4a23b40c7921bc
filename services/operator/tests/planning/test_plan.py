"""What the planner makes of a resource: by golden manifests, and by rules that hold for every resource."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from ameide_operator.models import ProcessSpec
from ameide_operator.planning import (
    Build,
    ChildKey,
    Component,
    Observed,
    Owner,
    Plan,
    ReplicasSeen,
    child_name,
    plan_children,
    secret_uses,
    shortened,
)
from ameide_operator.testing import process_resource
from hypothesis import given
from hypothesis import strategies as st

GOLDENS = Path(__file__).with_name("goldens")
OWNER = Owner("orders", "order-fulfillment", "6f1c0a9e-0000-4000-8000-000000000000")
KAFKA = {"kind": "kafka", "bootstrapServers": ["kafka-0:9093", "kafka-1:9093"]}
NATS = {"servers": ["nats-0:4222", "nats-1:4222"]}
SECURED = {
    "tls": {"mode": "mTLS"},
    "sasl": {"mechanism": "SCRAM-SHA-512", "username": "u"},
    "authSecretRef": "kafka.auth",
}

DRAINING = Build("b1", "registry.test/order-worker:1", serves=False)

CASES: dict[str, tuple[dict[str, Any], Observed]] = {
    "plain": ({}, Observed()),
    "worker-alone": ({"ingress": None, "image": {"ingress": None}}, Observed(service_monitors=True)),
    "posted": (
        {
            "ingress": {
                "subscriptions": [
                    {"name": "hooks", "kind": "http"},
                    {
                        "name": "partners",
                        "kind": "http",
                        "http": {"path": "/partners", "port": 8443, "bearerToken": True, "maxBodyBytes": 65536},
                        "tls": {"mode": "mTLS"},
                        "authSecretRef": "partners",
                        "deadLetter": "dead-letter",
                    },
                    {"name": "orders", "topic": "facts.orders.v1", **KAFKA},
                ]
            }
        },
        Observed(secret_keys={"partners": {"token", "tls.crt", "tls.key", "ca.crt"}}),
    ),
    "streamed": (
        {
            "ingress": {
                "subscriptions": [
                    {"name": "orders", "kind": "nats", "nats": {**NATS, "stream": "orders", "subjects": ["orders.>"]}},
                    {
                        "name": "partners",
                        "kind": "nats",
                        "nats": {
                            **NATS,
                            "stream": "partners",
                            "partitions": ["partners.0.>", "partners.1.>"],
                            "durable": "partners",
                            "ackWaitSeconds": 60,
                            "credentials": {"method": "Creds"},
                        },
                        "tls": {"mode": "mTLS"},
                        "authSecretRef": "nats",
                        "deadLetter": "dead-letter.partners",
                    },
                ]
            },
            "outputs": [
                {"name": "dead-letter", "kind": "nats", "nats": {**NATS, "subject": "dead"}},
                {
                    "name": "dead-letter.partners",
                    "kind": "nats",
                    "nats": {**NATS, "subject": "dead", "credentials": {"method": "Password", "username": "u"}},
                    "authSecretRef": "nats",
                },
            ],
        },
        Observed(secret_keys={"nats": {"user.creds", "password", "tls.crt", "tls.key", "ca.crt"}}),
    ),
    "builds": (
        {
            "ingress": None,
            "image": {"ingress": None},
            "worker": {"replicas": 3},
            "rollout": {"buildId": "b2", "strategy": "Steps", "steps": [{"percent": 10, "pause": "5m"}]},
        },
        Observed(
            earlier_builds=(DRAINING,),
            replicas={f"order-fulfillment-worker-{DRAINING.label}": ReplicasSeen(2, ours=True, others=False)},
        ),
    ),
    "full": (
        {
            "image": {"pullPolicy": "Always", "pullSecrets": ["registry"]},
            "temporal": {
                "tls": {"mode": "mTLS", "secretRef": "temporal-mtls", "serverName": "temporal.internal"},
                "apiKeySecretRef": {"name": "temporal-key", "key": "token"},
            },
            "worker": {
                "replicas": 3,
                "resources": {"requests": {"cpu": "250m"}, "limits": {"memory": "512Mi", "cpu": 2}},
                "concurrency": {"maxConcurrentActivityExecutionSize": 2000, "workerActivitiesPerSecond": 0.5},
                "terminationGracePeriodSeconds": 120,
                "podTemplate": {
                    "labels": {"team": "orders", "ameide.io/process": "stolen"},
                    "annotations": {"note": "x"},
                    "serviceAccountName": "process-worker",
                    "nodeSelector": {"disk": "ssd"},
                    "tolerations": [{"key": "dedicated", "operator": "Exists"}],
                    "affinity": {"podAntiAffinity": {}},
                    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone"}],
                    "priorityClassName": "high",
                    "securityContext": {"runAsUser": 1000},
                    "env": [{"name": "DSN", "valueFrom": {"secretKeyRef": {"name": "database", "key": "dsn"}}}],
                },
            },
            "ingress": {
                "oldestUnacknowledgedSeconds": 900,
                "subscriptions": [
                    {"name": "orders", "topic": "facts.orders.v1", "consumerGroup": "g", **KAFKA, **SECURED}
                ],
            },
            "outputs": [
                {"name": "dead-letter", "topic": "dead", **KAFKA, **SECURED},
                {"name": "progress", "topic": "progress", **KAFKA, "tls": {}},
            ],
        },
        Observed(
            secret_keys={
                "temporal-mtls": {"tls.crt", "tls.key", "ca.crt"},
                "kafka.auth": {"tls.crt", "tls.key", "ca.crt", "password"},
            },
            secret_digests={"temporal-mtls": "1", "kafka.auth": "2", "temporal-key": "3", "database": "4"},
            service_monitors=True,
        ),
    ),
}


def plan(observed: Observed | None = None, owner: Owner = OWNER, **changes: Any) -> Plan:
    spec = ProcessSpec.model_validate(process_resource(**changes)["spec"])
    return plan_children(spec, owner, observed or Observed())


def manifest(plan: Plan, kind: str, component: Component = Component.WORKER) -> dict[str, Any]:
    name = child_name(OWNER, component)
    return next(dict(child.manifest) for child in plan.apply if child.key == ChildKey(kind, name))


def container(plan: Plan, component: Component = Component.WORKER) -> dict[str, Any]:
    return manifest(plan, "Deployment", component)["spec"]["template"]["spec"]["containers"][0]


@pytest.mark.parametrize("case", CASES)
def test_golden(case: str, bless: bool):
    changes, observed = CASES[case]
    planned = yaml.safe_dump_all((dict(child.manifest) for child in plan(observed, **changes).apply), sort_keys=False)
    golden = GOLDENS / f"{case}.yaml"
    if bless:
        golden.write_text(planned)
    assert golden.read_text() == planned, "if it was meant to change: uv run pytest services/operator --bless"


def test_every_child_is_owned_and_in_the_namespace():
    for child in plan(Observed(service_monitors=True)).apply:
        metadata = child.manifest["metadata"]
        assert metadata["namespace"] == OWNER.namespace
        assert [reference["uid"] for reference in metadata["ownerReferences"]] == [OWNER.uid]
        assert metadata["ownerReferences"][0]["controller"]
        assert "blockOwnerDeletion" not in metadata["ownerReferences"][0]
        assert "annotations" not in metadata


def test_what_is_no_longer_wanted_goes():
    both = {child.key for child in plan().apply}
    worker_alone = plan(Observed(children=both), ingress=None, image={"ingress": None})
    assert {key.name for key in worker_alone.delete} == {"order-fulfillment-ingress"}
    assert {key.kind for key in worker_alone.delete} == {"ConfigMap", "Service", "PodDisruptionBudget", "Deployment"}
    assert plan(Observed(children=both)).delete == ()


def test_events_that_are_posted_have_an_address_while_somebody_takes_them():
    posted = plan(ingress={"subscriptions": [{"name": "hooks", "kind": "http"}]})
    assert "order-fulfillment-events" in {child.key.name for child in posted.apply}
    gone = plan(Observed(children=frozenset(child.key for child in posted.apply)))
    assert gone.delete == (ChildKey("Service", "order-fulfillment-events"),)


def test_service_monitor_needs_its_api():
    assert "ServiceMonitor" not in {child.key.kind for child in plan().apply}
    assert "ServiceMonitor" in {child.key.kind for child in plan(Observed(service_monitors=True)).apply}


def test_pods_meet_the_restricted_standard():
    pod = manifest(plan(), "Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert container(plan())["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False


def workers(planned: Plan) -> dict[str, dict[str, Any]]:
    """Deployments of the worker, by build id."""
    live = [dict(each.manifest) for each in planned.apply if each.key.kind == "Deployment"]
    return {each["metadata"].get("annotations", {}).get("ameide.io/build-id", ""): each for each in live}


def test_earlier_build_keeps_its_image_and_gets_all_other_changes():
    changes: dict[str, Any] = {"ingress": None, "image": {"worker": "registry.test/order-worker:2", "ingress": None}}
    env = {"podTemplate": {"env": [{"name": "A", "value": "1"}]}}
    planned = workers(plan(Observed(earlier_builds=(DRAINING,)), worker=env, rollout={"buildId": "b2"}, **changes))
    containers = {build: each["spec"]["template"]["spec"]["containers"][0] for build, each in planned.items()}
    assert {build: each["image"] for build, each in containers.items()} == {
        "b1": "registry.test/order-worker:1",
        "b2": "registry.test/order-worker:2",
    }
    for build, each in containers.items():
        values = {variable["name"]: variable["value"] for variable in each["env"]}
        assert values["TEMPORAL_DEPLOYMENT_NAME"] == "orders/order-fulfillment"
        assert values["TEMPORAL_WORKER_BUILD_ID"] == build
        assert values["A"] == "1"


def test_builds_select_pods_of_their_own():
    planned = plan(Observed(earlier_builds=(DRAINING,)), rollout={"buildId": "b2"})
    selectors = [each["spec"]["selector"]["matchLabels"] for each in workers(planned).values()]
    assert len({tuple(sorted(selector.items())) for selector in selectors}) == 3, "two builds and the ingress"
    budgets = [each.manifest["spec"]["selector"] for each in planned.apply if each.key.kind == "PodDisruptionBudget"]
    assert all({"matchLabels": selector} in budgets for selector in selectors)


@pytest.mark.parametrize(("live", "planned"), [(0, 1), (1, 1), (5, 5)])
def test_draining_build_keeps_its_pods_and_at_least_one(live: int, planned: int):
    seen = {f"order-fulfillment-worker-{DRAINING.label}": ReplicasSeen(live, ours=True, others=False)}
    observed = Observed(earlier_builds=(DRAINING,), replicas=seen)
    made = workers(plan(observed, worker={"replicas": 3}, rollout={"buildId": "b2"}))
    assert made["b1"]["spec"]["replicas"] == planned
    assert made["b2"]["spec"]["replicas"] == 3


def test_unversioned_workers_stay_until_a_build_is_current():
    before = plan()
    children = frozenset(child.key for child in before.apply)
    kept = plan(Observed(children=children, unversioned_serves=True), rollout={"buildId": "b1"})
    assert kept.delete == ()
    gone = plan(Observed(children=children), rollout={"buildId": "b1"})
    name = "order-fulfillment-worker"
    assert set(gone.delete) == {ChildKey("Deployment", name), ChildKey("PodDisruptionBudget", name)}


def test_names_reach_the_programs_as_they_are():
    """Kubernetes puts variables in the place of $(NAME), and one $ in that of two."""
    made = container(plan(temporal={"namespace": "a$$b", "taskQueue": "$(PROCESS_NAME)"}))
    values = {each["name"]: each.get("value") for each in made["env"]}
    assert values["TEMPORAL_TASK_QUEUE"] == "$$(PROCESS_NAME)"
    assert values["TEMPORAL_NAMESPACE"] == "a$$$$b"


def test_digest_of_the_image_names_the_build():
    digest = "registry.test/worker@sha256:" + "a" * 64
    made = workers(plan(image={"worker": digest}, rollout={}))
    assert "sha256:" + "a" * 64 in made
    with pytest.raises(ValueError, match="rollout needs a name for the build"):
        plan(rollout={})


def test_change_of_configuration_rolls_the_pods_that_read_it():
    subscription = process_resource()["spec"]["ingress"]["subscriptions"][0]
    before, after = plan(), plan(ingress={"subscriptions": [subscription | {"topic": "other"}]})
    for component, rolls in ((Component.WORKER, False), (Component.INGRESS, True)):
        templates = [manifest(each, "Deployment", component)["spec"]["template"] for each in (before, after)]
        assert (templates[0] != templates[1]) is rolls


def test_change_of_a_secret_rolls_the_pods_that_read_it():
    worker_env = {"podTemplate": {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}}
    plans = [plan(Observed(secret_digests={"s": digest}), worker=worker_env) for digest in ("1", "2")]
    for component, rolls in ((Component.WORKER, True), (Component.INGRESS, False)):
        templates = [manifest(each, "Deployment", component)["spec"]["template"] for each in plans]
        assert (templates[0] != templates[1]) is rolls


def test_no_secret_content_is_planned():
    changes, observed = CASES["full"]
    spec = ProcessSpec.model_validate(process_resource(**changes)["spec"])
    named = {use.secret for use in secret_uses(spec)}
    assert named == {"temporal-mtls", "temporal-key", "database", "kafka.auth"}
    assert "Secret" not in {child.key.kind for child in plan(observed, **changes).apply}


@pytest.mark.parametrize("component", Component)
def test_names_of_volumes_are_labels_and_unique(component: Component):
    secrets = ["a.b", "a-b", "x" * 200, "x" * 201]
    outputs = [
        {"name": f"dead-letter{'' if i == 0 else i}", "topic": "t", **KAFKA, **SECURED, "authSecretRef": secret}
        for i, secret in enumerate(secrets)
    ]
    volumes = manifest(plan(outputs=outputs), "Deployment", component)["spec"]["template"]["spec"]["volumes"]
    names = [volume["name"] for volume in volumes]
    assert len(names) == len(set(names)) == 2 + len(secrets)
    assert all(len(name) <= 63 and "." not in name for name in names)


@given(st.integers(0, 50), st.none() | st.integers(0, 50), st.booleans(), st.booleans())
def test_replicas(live: int, wanted: int | None, ours: bool, others: bool):  # hypothesis passes them
    seen = {"order-fulfillment-worker": ReplicasSeen(live, ours=ours, others=others)}
    spec = manifest(plan(Observed(replicas=seen), worker={"replicas": wanted}), "Deployment")["spec"]
    if wanted is not None:
        assert spec["replicas"] == wanted
    elif ours and not others:
        assert spec["replicas"] == live, "to leave it out would scale to 1"
    else:
        assert "replicas" not in spec


NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)


@given(NAMES, NAMES)
def test_names_of_children_are_labels_and_unique(one: str, other: str):
    names = {child_name(Owner("n", name, "u"), component) for name in {one, other} for component in Component}
    assert len(names) == len({one, other}) * len(Component)
    assert all(len(name) <= 63 and not name.endswith("-") for name in names)


@given(st.text("ab-", min_size=1, max_size=100), st.text("ab-", min_size=1, max_size=100))
def test_shortening_keeps_names_apart(one: str, other: str):
    assert (shortened(one) == shortened(other)) == (one == other)


@given(NAMES, st.booleans(), st.booleans(), st.integers(0, 9))
def test_planning_twice_changes_nothing(name: str, ingress: bool, monitors: bool, replicas: int):
    owner = Owner("n", name, "u")
    changes: dict[str, Any] = {} if ingress else {"ingress": None, "image": {"ingress": None}}
    first = plan(Observed(service_monitors=monitors), owner, worker={"replicas": replicas}, **changes)
    children = frozenset(child.key for child in first.apply)
    again = plan(
        Observed(service_monitors=monitors, children=children), owner, worker={"replicas": replicas}, **changes
    )
    assert again == first
