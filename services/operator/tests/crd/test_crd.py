"""The CRD as people and the API server meet it."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ameide_operator.crd import process_crd, process_crd_yaml
from ameide_operator.testing import merged, process_resource

CRD_FILE = Path(__file__).parents[2] / "crd.yaml"
Kubectl = Callable[..., subprocess.CompletedProcess[str]]

SUBSCRIPTION = process_resource()["spec"]["ingress"]["subscriptions"][0]
DEAD_LETTER = process_resource()["spec"]["outputs"][0]
NATS = {"servers": ["nats:4222"], "stream": "orders"}
NATS_TARGET = {"servers": ["nats:4222"], "subject": "orders.dead-letter"}
NATS_DEAD_LETTER: dict[str, Any] = {"name": "dead-letter", "kind": "nats", "nats": NATS_TARGET}

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no worker image": ({"image": {"worker": None}}, "spec.image.worker: Required value"),
    "image with a blank": ({"image": {"worker": "a b"}}, "an image is named as registry.example.com/team/name:tag"),
    "image with a scheme": ({"image": {"worker": "https://registry.test/a"}}, "lower case, without a scheme"),
    "image with half a digest": ({"image": {"ingress": "a@sha256:4f0c"}}, "…@sha256:…"),
    "port that cannot be": ({"temporal": {"address": "temporal:70000"}}, "spec.temporal.address in body should match"),
    "server name with a blank": (
        {"temporal": {"tls": {"mode": "TLS", "serverName": "a b"}}},
        "spec.temporal.tls.serverName in body should match",
    ),
    "server name with an empty label": (
        {"temporal": {"tls": {"mode": "TLS", "serverName": "a..b"}}},
        "serverName must be a host name: labels of 1 to 63 characters",
    ),
    "server name with a long label": (
        {"temporal": {"tls": {"mode": "TLS", "serverName": f"{'a' * 64}.test"}}},
        "serverName must be a host name: labels of 1 to 63 characters",
    ),
    "address with an empty label": (
        {"temporal": {"address": "a..b:7233"}},
        "the host of address must be a host name: labels of 1 to 63 characters",
    ),
    "Temporal's own namespace": (
        {"temporal": {"namespace": "temporal-system"}},
        "namespace temporal-system is Temporal's own",
    ),
    "credentials in clear": (
        {
            "temporal": {
                "namespaceManagement": {"mode": "EnsureSelfHosted", "retention": "30d", "adminSecretRef": "admin"}
            }
        },
        "adminSecretRef needs tls: credentials never travel in clear",
    ),
    "toleration of every taint by value": (
        {"worker": {"podTemplate": {"tolerations": [{"operator": "Equal", "value": "a"}]}}},
        "without key, which is every taint, operator must be Exists",
    ),
    "toleration for a time of what does not evict": (
        {"worker": {"podTemplate": {"tolerations": [{"key": "a", "effect": "NoSchedule", "tolerationSeconds": 1}]}}},
        "tolerationSeconds belongs to effect NoExecute",
    ),
    "toleration of a value that only has to exist": (
        {"ingress": {"podTemplate": {"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]}}},
        "value belongs to operator Equal",
    ),
    "ingress without image": ({"image": {"ingress": None}}, "set ingress and image.ingress together"),
    "image without ingress": ({"ingress": None}, "set ingress and image.ingress together"),
    "no outputs": ({"outputs": None}, "spec.outputs: Required value"),
    "no dead letter": ({"outputs": [DEAD_LETTER | {"name": "progress"}]}, "outputs needs one named dead-letter"),
    "two outputs of a name": ({"outputs": [DEAD_LETTER, DEAD_LETTER]}, "Duplicate value"),
    "two subscriptions of a name": ({"ingress": {"subscriptions": [SUBSCRIPTION] * 2}}, "Duplicate value"),
    "no subscriptions": ({"ingress": {"subscriptions": []}}, "should have at least 1 items"),
    "unknown dead letter": (
        {"ingress": {"subscriptions": [SUBSCRIPTION | {"deadLetter": "elsewhere"}]}},
        "deadLetter of each subscription must be the name of one of outputs",
    ),
    "unknown transport": (
        {"ingress": {"subscriptions": [SUBSCRIPTION | {"kind": "pigeon"}]}},
        'supported values: "kafka", "nats", "http"',
    ),
    "kafka without topic": (
        {"ingress": {"subscriptions": [{"name": "a", "kind": "kafka", "bootstrapServers": ["k:1"]}]}},
        "kind kafka needs bootstrapServers and topic",
    ),
    "http with a topic": (
        {"ingress": {"subscriptions": [{"name": "a", "kind": "http", "topic": "t"}]}},
        "bootstrapServers, topic, consumerGroup and sasl belong to kind kafka",
    ),
    "nats without its stream": (
        {"ingress": {"subscriptions": [{"name": "a", "kind": "nats"}]}},
        "nats belongs to kind nats, which needs it",
    ),
    "kafka with a stream of nats": (
        {"ingress": {"subscriptions": [SUBSCRIPTION | {"nats": NATS}]}},
        "nats belongs to kind nats",
    ),
    "nats with a topic": (
        {"ingress": {"subscriptions": [{"name": "a", "kind": "nats", "nats": NATS, "topic": "t"}]}},
        "bootstrapServers, topic, consumerGroup and sasl belong to kind kafka",
    ),
    "subjects and partitions": (
        {
            "ingress": {
                "subscriptions": [
                    {"name": "a", "kind": "nats", "nats": NATS | {"subjects": ["a"], "partitions": ["b"]}}
                ]
            }
        },
        "set subjects or partitions, not both",
    ),
    "stream of nats with a wildcard": (
        {"ingress": {"subscriptions": [{"name": "a", "kind": "nats", "nats": NATS | {"stream": "a.*"}}]}},
        "nats.stream in body should match",
    ),
    "credentials of nats without secret": (
        {
            "ingress": {
                "subscriptions": [{"name": "a", "kind": "nats", "nats": NATS | {"credentials": {"method": "NKey"}}}]
            }
        },
        "credentials of nats need authSecretRef",
    ),
    "password of nobody": (
        {"outputs": [NATS_DEAD_LETTER | {"nats": NATS_TARGET | {"credentials": {"method": "Password"}}}]},
        "username belongs to method Password",
    ),
    "output without its subject": (
        {"outputs": [{"name": "dead-letter", "kind": "nats", "nats": {"servers": ["n:4222"]}}]},
        "nats.subject: Required value",
    ),
    "output of nats with a topic": (
        {"outputs": [NATS_DEAD_LETTER | {"topic": "t"}]},
        "bootstrapServers, topic and sasl belong to kind kafka",
    ),
    "output without its topic": (
        {"outputs": [{"name": "dead-letter", "kind": "kafka", "bootstrapServers": ["k:1"]}]},
        "kind kafka needs bootstrapServers and topic",
    ),
    "kafka with an endpoint": (
        {"ingress": {"subscriptions": [SUBSCRIPTION | {"http": {}}]}},
        "http belongs to kind http",
    ),
    "token without secret": (
        {"ingress": {"subscriptions": [{"name": "a", "kind": "http", "http": {"bearerToken": True}}]}},
        "tls and bearerToken of kind http need authSecretRef",
    ),
    "events on the port of readiness": (
        {"ingress": {"subscriptions": [{"name": "a", "kind": "http", "http": {"port": 8080}}]}},
        "8080 serves readiness and metrics",
    ),
    "broker without port": (
        {"ingress": {"subscriptions": [SUBSCRIPTION | {"bootstrapServers": ["kafka"]}]}},
        "bootstrapServers[0] in body should match",
    ),
    "sasl without secret": (
        {"outputs": [DEAD_LETTER | {"sasl": {"mechanism": "PLAIN", "username": "u"}}]},
        "sasl and tls mode mTLS need authSecretRef",
    ),
    "mutual tls to the broker without secret": (
        {"outputs": [DEAD_LETTER | {"tls": {"mode": "mTLS"}}]},
        "sasl and tls mode mTLS need authSecretRef",
    ),
    "secret without use": ({"outputs": [DEAD_LETTER | {"authSecretRef": "s"}]}, "authSecretRef has no use without"),
    "address with scheme": ({"temporal": {"address": "https://temporal:7233"}}, "spec.temporal.address in body should"),
    "address without port": ({"temporal": {"address": "temporal"}}, "spec.temporal.address in body should match"),
    "mutual tls without secret": ({"temporal": {"tls": {"mode": "mTLS"}}}, "mode mTLS needs secretRef"),
    "mutual tls is the default": ({"temporal": {"tls": {}}}, "mode mTLS needs secretRef"),
    "api key in clear": (
        {"temporal": {"apiKeySecretRef": {"name": "s", "key": "k"}}},
        "apiKeySecretRef needs tls: an API key never travels in clear",
    ),
    "rollout without a name for the build": ({"rollout": {}}, "rollout needs a name for the build"),
    "steps without strategy": (
        {"rollout": {"buildId": "1", "steps": [{"percent": 10, "pause": "1m"}]}},
        "steps belong to strategy Steps",
    ),
    "strategy without steps": ({"rollout": {"buildId": "1", "strategy": "Steps"}}, "steps belong to strategy Steps"),
    "steps in disorder": (
        {
            "rollout": {
                "buildId": "1",
                "strategy": "Steps",
                "steps": [{"percent": 50, "pause": "1m"}, {"percent": 10, "pause": "1m"}],
            }
        },
        "steps must be in the order of their percent",
    ),
    "two steps of a percent": (
        {"rollout": {"buildId": "1", "strategy": "Steps", "steps": [{"percent": 10, "pause": "1m"}] * 2}},
        "Duplicate value",
    ),
    "all of the traffic as a step": (
        {"rollout": {"buildId": "1", "strategy": "Steps", "steps": [{"percent": 100, "pause": "1m"}]}},
        "should be less than or equal to 99",
    ),
    "managed namespace without retention": (
        {"temporal": {"namespaceManagement": {"mode": "EnsureSelfHosted"}}},
        "mode EnsureSelfHosted needs retention",
    ),
    "retention of an external namespace": (
        {"temporal": {"namespaceManagement": {"retention": "30d"}}},
        "retention and adminSecretRef belong to mode EnsureSelfHosted",
    ),
    "retention without unit": (
        {"temporal": {"namespaceManagement": {"mode": "EnsureSelfHosted", "retention": "30"}}},
        "retention in body should match",
    ),
    "managed namespace in Temporal Cloud": (
        {
            "temporal": {
                "address": "orders.a1b2c.tmprl.cloud:7233",
                "namespaceManagement": {"mode": "EnsureSelfHosted", "retention": "30d"},
            }
        },
        "Temporal Cloud manages its namespaces itself",
    ),
    "negative replicas": ({"worker": {"replicas": -1}}, "should be greater than or equal to 0"),
    "no grace": ({"worker": {"terminationGracePeriodSeconds": 0}}, "should be greater than or equal to 1"),
    "quantity": ({"worker": {"resources": {"limits": {"memory": "much"}}}}, "in body should match"),
    "root": (
        {"worker": {"podTemplate": {"securityContext": {"runAsUser": 0}}}},
        "should be greater than or equal to 1",
    ),
    "variable of ours": (
        {"worker": {"podTemplate": {"env": [{"name": "TEMPORAL_ADDRESS", "value": "x"}]}}},
        "the operator sets this variable itself",
    ),
    "variable with two values": (
        {"worker": {"podTemplate": {"env": [{"name": "A", "value": "x", "valueFrom": {}}]}}},
        "set value or valueFrom, one of them",
    ),
    "rate of zero": ({"worker": {"concurrency": {"workerActivitiesPerSecond": 0}}}, "should be greater than 0"),
    "process name": ({"process": {"name": "Orders"}}, "spec.process.name in body should match"),
}

CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "process": ({"process": {"apiMajor": 2}}, "process cannot be changed"),
    "Temporal namespace": ({"temporal": {"namespace": "other"}}, "the Temporal namespace cannot be changed"),
    "task queue": ({"temporal": {"taskQueue": "other"}}, "taskQueue cannot be changed"),
    "task queue goes": ({"temporal": {"taskQueue": None}}, "taskQueue cannot be changed"),
    "rollout goes": ({"rollout": None}, "rollout cannot be removed"),
}


def test_file_is_what_the_models_say():
    assert CRD_FILE.read_text() == process_crd_yaml(), "run: ameide-operator crd > services/operator/crd.yaml"


def test_is_yaml_of_the_definition():
    assert yaml.safe_load(process_crd_yaml()) == process_crd()


def schemas(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, part in schema.get("properties", {}).items():
        yield f"{path}.{name}", part
        yield from schemas(part, f"{path}.{name}")
    if "items" in schema:
        yield from schemas(schema["items"], f"{path}[]")


def test_every_field_is_described():
    schema = process_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    found = dict(schemas(schema))
    assert len(found) > 100
    assert [path for path, part in found.items() if not part.get("description") and path != ".metadata"] == []


@pytest.mark.e2e
def test_columns_and_short_name(kubectl: Kubectl):
    assert kubectl("create", "-f", "-", content=json.dumps(process_resource("columns"))).returncode == 0
    header, row = kubectl("get", "proc").stdout.splitlines()
    assert header.split() == ["NAME", "READY", "WORKER", "INGRESS", "TEMPORAL", "AGE"]
    assert row.startswith("columns ")
    kubectl("delete", "process", "columns")


@pytest.mark.e2e
def test_explain_reads_like_documentation(kubectl: Kubectl):
    text = " ".join(kubectl("explain", "process.spec.temporal.namespaceManagement").stdout.split())
    assert "Who creates the Temporal namespace." in text
    assert "External: the namespace must exist, it is never changed." in text
    assert "enum: External, EnsureSelfHosted" in text


@pytest.mark.e2e
def test_defaults(kubectl: Kubectl):
    created = kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", content=json.dumps(process_resource()))
    spec = json.loads(created.stdout)["spec"]
    assert spec["worker"] == {"terminationGracePeriodSeconds": 60}
    assert spec["temporal"]["namespaceManagement"] == {"mode": "External"}
    assert spec["ingress"]["subscriptions"] == [SUBSCRIPTION | {"format": "protobuf", "startFrom": "earliest"}]


@pytest.mark.e2e
@pytest.mark.parametrize("case", REFUSED)
def test_refuses(kubectl: Kubectl, case: str):
    changes, message = REFUSED[case]
    content = json.dumps(process_resource(**changes))
    refused = kubectl("create", "--dry-run=server", "-f", "-", content=content)
    assert refused.returncode == 1
    assert message in refused.stderr


@pytest.mark.e2e
@pytest.mark.parametrize("topic", ["", ".", "..", "a b/c", "a" * 250])
def test_refuses_topics_that_kafka_cannot_have(kubectl: Kubectl, topic: str):
    subscription = SUBSCRIPTION | {"topic": topic}
    wrong = process_resource(ingress={"subscriptions": [subscription]}, outputs=[DEAD_LETTER | {"topic": topic}])
    refused = kubectl("create", "--dry-run=server", "-f", "-", content=json.dumps(wrong))
    assert refused.returncode == 1
    assert "spec.ingress.subscriptions[0].topic" in refused.stderr
    assert "spec.outputs[0].topic" in refused.stderr


@pytest.mark.e2e
@pytest.mark.parametrize("topic", ["...", ".a", "..a", "A_b-c.9"])
def test_takes_odd_topics_that_kafka_can_have(kubectl: Kubectl, topic: str):
    odd = process_resource(ingress={"subscriptions": [SUBSCRIPTION | {"topic": topic}]})
    taken = kubectl("create", "--dry-run=server", "-f", "-", content=json.dumps(odd))
    assert taken.returncode == 0, taken.stderr


@pytest.mark.e2e
@pytest.mark.parametrize("name", ["Orders", "a" * 64, "orders.v1", "1orders"])
def test_refuses_names_that_are_no_labels(kubectl: Kubectl, name: str):
    refused = kubectl("create", "--dry-run=server", "-f", "-", content=json.dumps(process_resource(name)))
    assert refused.returncode == 1
    assert "metadata.name" in refused.stderr


@pytest.mark.e2e
@pytest.mark.parametrize("case", CHANGES)
def test_refuses_changes_of_what_workflows_depend_on(kubectl: Kubectl, case: str):
    changes, message = CHANGES[case]
    resource = process_resource("unchanging", rollout={"buildId": "1"})
    assert kubectl("apply", "-f", "-", content=json.dumps(resource)).returncode == 0
    changed = resource | {"spec": merged(resource["spec"], changes)}
    refused = kubectl("replace", "-f", "-", content=json.dumps(changed))
    kubectl("delete", "process", "unchanging")
    assert refused.returncode == 1
    assert message in refused.stderr


@pytest.mark.e2e
def test_full_resource_is_taken_whole(kubectl: Kubectl):
    """No field is pruned that the models know."""
    secured = {"tls": {"mode": "mTLS"}, "sasl": {"mechanism": "SCRAM-SHA-512", "username": "u"}, "authSecretRef": "k"}
    workload: dict[str, Any] = {
        "replicas": 3,
        "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"cpu": 2}},
        "terminationGracePeriodSeconds": 90,
        "podTemplate": {
            "labels": {"team": "orders"},
            "annotations": {"note": "x"},
            "serviceAccountName": "process-worker",
            "nodeSelector": {"disk": "ssd"},
            "tolerations": [
                {"key": "a", "operator": "Equal", "value": "b", "effect": "NoExecute", "tolerationSeconds": 5}
            ],
            "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
            "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}],
            "priorityClassName": "high",
            "securityContext": {"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000},
            "env": [
                {"name": "A", "value": "1"},
                {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
            ],
        },
    }
    concurrency = {
        "maxConcurrentWorkflowTaskExecutionSize": 1000,
        "maxConcurrentActivityExecutionSize": 2000,
        "maxConcurrentLocalActivityExecutionSize": 10,
        "maxConcurrentWorkflowTaskPollers": 2,
        "maxConcurrentActivityTaskPollers": 2,
        "workerActivitiesPerSecond": 0.5,
        "taskQueueActivitiesPerSecond": 100,
        "stickyWorkflowCacheSize": 0,
    }
    resource = process_resource(
        image={"pullPolicy": "Always", "pullSecrets": ["registry"]},
        temporal={
            "tls": {"mode": "mTLS", "secretRef": "temporal-mtls", "serverName": "temporal"},
            "apiKeySecretRef": {"name": "temporal-key", "key": "token"},
            "identity": "orders",
            "namespaceManagement": {"mode": "EnsureSelfHosted", "retention": "30d", "adminSecretRef": "admin"},
        },
        worker=workload | {"concurrency": concurrency},
        ingress=workload
        | {
            "subscriptions": [
                SUBSCRIPTION
                | secured
                | {"consumerGroup": "g", "deadLetter": "dead-letter", "format": "json", "startFrom": "latest"},
                {
                    "name": "streamed",
                    "kind": "nats",
                    "nats": NATS
                    | {
                        "credentials": {"method": "Password", "username": "u"},
                        "partitions": ["orders.0.>", "orders.1.>"],
                        "durable": "d",
                        "ackWaitSeconds": 60,
                        "maxAckPending": 500,
                        "memberTimeoutSeconds": 20,
                    },
                    "tls": {"mode": "mTLS"},
                    "authSecretRef": "n",
                    "format": "protobuf",
                    "startFrom": "earliest",
                },
            ]
        },
        outputs=[
            DEAD_LETTER | secured,
            NATS_DEAD_LETTER
            | {"name": "progress", "nats": NATS_TARGET | {"credentials": {"method": "Creds"}}, "authSecretRef": "n"},
        ],
    )
    created = kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", content=json.dumps(resource))
    assert created.returncode == 0, created.stderr
    assert json.loads(created.stdout)["spec"] == resource["spec"]
