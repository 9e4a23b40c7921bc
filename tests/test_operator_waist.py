"""What the operator gives to pods is what the programs read: environment, mounted files, termination log."""

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from ameide_devstack import CertificateAuthority
from ameide_operator.models import Concurrency, Ingress, ProcessSpec
from ameide_operator.planning import Component, Observed, Owner, child_name, plan_children
from ameide_operator.testing import process_resource
from ameide_process.configuration import (
    HttpSubscription,
    KafkaSasl,
    KafkaSubscription,
    NatsCredentials,
    NatsOutput,
    NatsSubscription,
    StartupError,
    WorkerConcurrency,
    load_ingress_configuration,
    load_worker_configuration,
)
from ameide_process.contract import ProcessContract, Subscription, WorkflowKind
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from temporalio.common import VersioningBehavior, WorkflowIDReusePolicy
from temporalio.service import TLSConfig

CONTRACT = ProcessContract(
    name="order-fulfillment",
    workflow_type="OrderFulfillmentWorkflow",
    default_task_queue="declared",
    api_major=1,
    api_minor=0,
    kind=WorkflowKind.ENTITY,
    reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
    versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    dedupe_window=4096,
    cases=(),
    subscriptions=(Subscription(name="orders-facts", kind="kafka", binding_ref="orders-facts"),),
    digest="0" * 64,
)
OWNER = Owner("orders", "order-fulfillment", "uid")
SECURED = {
    "tls": {"mode": "mTLS"},
    "sasl": {"mechanism": "SCRAM-SHA-512", "username": "u"},
    "authSecretRef": "kafka",
}


class Pod:
    """The environment and the files of a container, in a folder of this machine."""

    def __init__(self, folder: Path, component: Component, spec: ProcessSpec, secrets: Path) -> None:
        self.folder = folder
        keys = {each.name: {key.name for key in each.iterdir()} for each in secrets.iterdir()}
        observed = Observed(secret_keys=keys, secret_digests=dict.fromkeys(keys, ""))
        plan = plan_children(spec, OWNER, observed)
        manifests = {(child.key.kind, child.key.name): child.manifest for child in plan.apply}
        name = child_name(OWNER, component)
        pod = manifests["Deployment", name]["spec"]["template"]["spec"]
        (self.container,) = pod["containers"]
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        for mount in self.container["volumeMounts"]:
            place = self.inside(mount["mountPath"])
            place.mkdir(parents=True)
            volume = volumes[mount["name"]]
            if "configMap" in volume:
                for file, content in manifests["ConfigMap", volume["configMap"]["name"]]["data"].items():
                    self._write(place / file, content.replace("/etc/ameide", str(self.inside("/etc/ameide"))))
            if "secret" in volume:
                for key in (secrets / volume["secret"]["secretName"]).iterdir():
                    (place / key.name).write_bytes(key.read_bytes())

    def inside(self, path: str) -> Path:
        return self.folder / path.removeprefix("/")

    def environ(self) -> dict[str, str]:
        values = {variable["name"]: variable.get("value", "from-a-secret") for variable in self.container["env"]}
        etc = str(self.inside("/etc/ameide"))
        return {name: value.replace("/etc/ameide", etc) for name, value in values.items()}

    @staticmethod
    def _write(path: Path, content: str) -> None:
        path.write_text(content)


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    authority = CertificateAuthority(tmp_path / "pki")
    pair = authority.issue_client("client")
    for name in ("temporal", "kafka"):
        (folder / name).mkdir(parents=True)
        (folder / name / "tls.crt").write_bytes(pair.certificate.read_bytes())
        (folder / name / "tls.key").write_bytes(pair.key.read_bytes())
        (folder / name / "ca.crt").write_bytes(authority.certificate.read_bytes())
    (folder / "kafka" / "password").write_text("p")
    return folder


def sample_spec(**changes: Any) -> ProcessSpec:
    return ProcessSpec.model_validate(process_resource(**changes)["spec"])


def secured_spec() -> ProcessSpec:
    sample = process_resource()["spec"]
    return sample_spec(
        temporal={
            "tls": {"mode": "mTLS", "secretRef": "temporal", "serverName": "temporal.internal"},
            "apiKeySecretRef": {"name": "key", "key": "token"},
        },
        ingress={"subscriptions": [sample["ingress"]["subscriptions"][0] | SECURED | {"consumerGroup": "g"}]},
        outputs=[sample["outputs"][0] | SECURED, sample["outputs"][0] | {"name": "progress"}],
    )


def test_worker_of_the_simplest_resource_starts(tmp_path: Path, secrets: Path):
    pod = Pod(tmp_path / "pod", Component.WORKER, sample_spec(), secrets)
    configuration = load_worker_configuration(CONTRACT, pod.environ())
    assert configuration.temporal.address == "temporal-frontend.temporal.svc:7233"
    assert configuration.temporal.namespace == "orders-prod"
    assert configuration.temporal.tls is False
    assert configuration.task_queue == "order-fulfillment"
    assert configuration.http.port == pod.container["ports"][0]["containerPort"]


def test_ingress_with_everything_secured_starts(tmp_path: Path, secrets: Path):
    pod = Pod(tmp_path / "pod", Component.INGRESS, secured_spec(), secrets)
    configuration = load_ingress_configuration(CONTRACT, pod.environ())
    tls = configuration.temporal.tls
    assert isinstance(tls, TLSConfig)
    assert tls.domain == "temporal.internal"
    assert tls.client_cert == (secrets / "temporal" / "tls.crt").read_bytes()
    assert configuration.temporal.api_key == "from-a-secret"
    (bound,) = configuration.subscriptions
    assert bound.group == "g"
    assert isinstance(bound.settings, KafkaSubscription)
    assert bound.settings.tls is not None
    assert bound.settings.sasl == KafkaSasl.model_validate(
        {
            "mechanism": "SCRAM-SHA-512",
            "username": "u",
            "passwordFile": pod.inside("/etc/ameide/secrets/kafka/password"),
        }
    )
    assert set(configuration.outputs) == {"dead-letter", "progress"}


def test_ingress_that_events_are_posted_to_starts(tmp_path: Path, secrets: Path):
    (secrets / "kafka" / "token").write_text("t")
    posted = {
        "name": "orders-facts",
        "kind": "http",
        "http": {"path": "/orders", "port": 8443, "bearerToken": True, "maxBodyBytes": 65536},
        "tls": {"mode": "mTLS"},
        "authSecretRef": "kafka",
    }
    pod = Pod(tmp_path / "pod", Component.INGRESS, sample_spec(ingress={"subscriptions": [posted]}), secrets)
    contract = replace(
        CONTRACT, subscriptions=(Subscription(name="orders-facts", kind="http", binding_ref="orders-facts"),)
    )
    (bound,) = load_ingress_configuration(contract, pod.environ()).subscriptions
    assert isinstance(bound.settings, HttpSubscription)
    assert (bound.settings.path, bound.settings.port, bound.settings.max_body_bytes) == ("/orders", 8443, 65536)
    assert bound.settings.bearer_token_file == pod.inside("/etc/ameide/secrets/kafka/token")
    assert bound.settings.tls is not None
    assert bound.settings.tls.client_ca_file is not None
    assert bound.dead_letter is None
    assert {"name": "events-8443", "containerPort": 8443, "protocol": "TCP"} in pod.container["ports"]


@pytest.mark.parametrize(
    ("method", "key", "setting"),
    [
        ("Creds", "user.creds", "credsFile"),
        ("NKey", "user.nk", "nkeySeedFile"),
        ("Token", "token", "tokenFile"),
        ("Password", "password", "passwordFile"),
    ],
)
def test_ingress_that_reads_nats_starts(tmp_path: Path, secrets: Path, method: str, key: str, setting: str):
    (secrets / "kafka").rename(secrets / "nats")
    (secrets / "nats" / key).write_text("proof")
    named = {"username": "u"} if method == "Password" else {}
    connection = {"servers": ["nats:4222"], "credentials": {"method": method, **named}}
    secured = {"kind": "nats", "tls": {"mode": "mTLS"}, "authSecretRef": "nats"}
    read = {
        "stream": "orders",
        "partitions": ["orders.0", "orders.1"],
        "durable": "d",
        "ackWaitSeconds": 60,
        "maxAckPending": 500,
        "memberTimeoutSeconds": 20,
    }
    spec = sample_spec(
        ingress={"subscriptions": [secured | {"name": "orders-facts", "nats": connection | read}]},
        outputs=[secured | {"name": "dead-letter", "nats": connection | {"subject": "orders.dead-letter"}}],
    )
    pod = Pod(tmp_path / "pod", Component.INGRESS, spec, secrets)
    contract = replace(
        CONTRACT, subscriptions=(Subscription(name="orders-facts", kind="nats", binding_ref="orders-facts"),)
    )
    configuration = load_ingress_configuration(contract, pod.environ())
    (bound,) = configuration.subscriptions
    assert isinstance(bound.settings, NatsSubscription)
    arrived = bound.settings.model_dump(by_alias=True)
    assert {name: arrived[name] for name in read} == read
    assert (bound.group, bound.dead_letter) == ("d", "dead-letter")
    output = configuration.outputs["dead-letter"]
    assert isinstance(output, NatsOutput)
    assert output.subject == "orders.dead-letter"
    folder = pod.inside("/etc/ameide/secrets/nats")
    for stream in (bound.settings, output):
        assert stream.servers == ["nats:4222"]
        assert stream.credentials == NatsCredentials.model_validate({setting: folder / key, **named})
        assert stream.tls is not None
        assert stream.tls.cert_file == folder / "tls.crt"


def test_every_option_of_concurrency_arrives(tmp_path: Path, secrets: Path):
    values = {field.alias: number for number, field in enumerate(Concurrency.model_fields.values(), start=2)}
    pod = Pod(tmp_path / "pod", Component.WORKER, sample_spec(worker={"concurrency": values}), secrets)
    arrived = load_worker_configuration(CONTRACT, pod.environ()).concurrency
    assert arrived == WorkerConcurrency(
        max_concurrent_workflow_tasks=2,
        max_concurrent_activities=3,
        max_concurrent_local_activities=4,
        max_concurrent_workflow_task_polls=5,
        max_concurrent_activity_task_polls=6,
        max_activities_per_second=7,
        max_task_queue_activities_per_second=8,
        max_cached_workflows=9,
    )


def test_image_of_another_process_is_refused(tmp_path: Path, secrets: Path):
    pod = Pod(tmp_path / "pod", Component.WORKER, sample_spec(), secrets)
    with pytest.raises(Exception, match="this image implements api major 2"):
        load_worker_configuration(replace(CONTRACT, api_major=2), pod.environ())


Settings: TypeAlias = dict[str, Any]

NAMES = ("x.y", "x_y")
"""Defaults of durable consumers are the same of both, those of groups and paths are not."""
TOLD_BY = {"consumerGroup", "durable", "path", "partitions", "subjects"}
"""Settings that the runtime names where subscriptions share a source."""
FILTERS = [">", "a.>", "a.*", "*.*", "*.b", "a.b", "a.b.>", "a.*.c", "a.b.*"]
SERVERS = st.lists(st.sampled_from(["a:1", "A:1", "b:1"]), min_size=1, max_size=2)
KAFKA = st.fixed_dictionaries(
    {"kind": st.just("kafka"), "bootstrapServers": SERVERS, "topic": st.sampled_from(["t", "u"])},
    optional={"consumerGroup": st.sampled_from(["g", f"{CONTRACT.name}.{NAMES[0]}"])},
)
STREAM = st.fixed_dictionaries(
    {"servers": SERVERS, "stream": st.sampled_from(["S", "T"])},
    optional={"durable": st.sampled_from(["d", f"{CONTRACT.name}_x_y"])},
)
NATS = st.fixed_dictionaries({"kind": st.just("nats"), "nats": STREAM})
PATHS = st.sampled_from(["/z", "/z/", f"/events/{NAMES[0]}"])
ENDPOINT = st.fixed_dictionaries({}, optional={"path": PATHS, "port": st.sampled_from([8090, 8091])})
HTTP = st.fixed_dictionaries({"kind": st.just("http")}, optional={"http": ENDPOINT})


def is_refused_at_start(folder: Path, subscriptions: list[Settings]) -> bool:
    """Whether an ingress would find sources that are shared, had the operator taken the resource."""
    (folder / "secrets").mkdir()
    ingress = Ingress.model_validate({"subscriptions": subscriptions})
    # A copy is not validated: the operator would make no pod otherwise.
    spec = sample_spec().model_copy(update={"ingress": ingress})
    pod = Pod(folder / "pod", Component.INGRESS, spec, folder / "secrets")
    declared = tuple(Subscription(each["name"], each["kind"], each["name"]) for each in subscriptions)
    try:
        load_ingress_configuration(replace(CONTRACT, subscriptions=declared), pod.environ())
    except StartupError as error:
        told = {problem.name.rpartition(".")[2] for problem in error.problems}
    else:
        told = set[str]()
    assert told <= TOLD_BY
    return bool(told)


def is_invalid_spec(subscriptions: list[Settings]) -> bool:
    try:
        sample_spec(ingress={"subscriptions": subscriptions})
    except ValidationError:
        return True
    return False


@pytest.mark.parametrize("subscription", [KAFKA, NATS, HTTP, KAFKA | NATS | HTTP], ids=["kafka", "nats", "http", "any"])
@given(data=st.data())
@settings(max_examples=200)
def test_an_invalid_spec_shares_the_sources_that_no_ingress_shares(
    tmp_path_factory: pytest.TempPathFactory, subscription: st.SearchStrategy[Settings], data: st.DataObject
):
    both: list[Settings] = [{**data.draw(subscription), "name": name} for name in NAMES]
    assert is_invalid_spec(both) == is_refused_at_start(tmp_path_factory.mktemp("pair"), both)


@pytest.mark.parametrize("setting", ["subjects", "partitions"])
def test_an_invalid_spec_shares_the_subjects_that_no_ingress_shares(
    tmp_path_factory: pytest.TempPathFactory, setting: str
):
    for filters in product(FILTERS, repeat=2):
        source = {"servers": ["a:1"], "stream": "S", setting: list(filters)}
        one: list[Settings] = [{"name": "x", "kind": "nats", "nats": source}]
        assert is_invalid_spec(one) == is_refused_at_start(tmp_path_factory.mktemp("filters"), one), filters
