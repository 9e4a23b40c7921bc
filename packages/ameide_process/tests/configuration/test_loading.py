"""What a program is told from outside: read in one go, and everything wrong with it said in one go."""

import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from ameide_process.configuration import (
    ClientTls,
    ContractMismatchError,
    HistoryBudget,
    KafkaOutput,
    KafkaSubscription,
    Problem,
    StartupError,
    TracingSettings,
    WorkerConcurrency,
    WorkerVersion,
    help_of,
    load_ingress_configuration,
    load_worker_configuration,
)
from ameide_process.contract import EmittedFact, ProcessContract, Subscription, WorkflowKind
from temporalio.common import VersioningBehavior, WorkflowIDReusePolicy

CONTRACT = ProcessContract(
    name="order-fulfillment",
    workflow_type="OrderFulfillmentWorkflow",
    default_task_queue="order-fulfillment",
    api_major=2,
    api_minor=1,
    kind=WorkflowKind.ENTITY,
    reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
    versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    dedupe_window=4096,
    cases=(),
    subscriptions=(
        Subscription(name="orders-facts", kind="kafka", binding_ref="orders-facts"),
        Subscription(name="payments", kind="kafka", binding_ref="payments-facts"),
    ),
    digest="0" * 64,
    emits=(EmittedFact(message_type="m", event_type="orders.Done.v1", stream="orders.events"),),
)
KAFKA = {"kind": "kafka", "bootstrapServers": "broker-1:9092, broker-2:9092"}
SASL = {"mechanism": "PLAIN", "username": "u", "passwordFile": "/p"}
SUBSCRIPTIONS = {
    "orders-facts": {**KAFKA, "topic": "facts.orders.v1"},
    "payments-facts": {
        **KAFKA,
        "topics": ["a", "b"],
        "format": "json",
        "consumerGroup": "g",
        "deadLetter": "dead-letter.pay",
    },
}
OUTPUTS = {
    "dead-letter": {**KAFKA, "topic": "dead"},
    "dead-letter.pay": {**KAFKA, "topic": "dead-pay"},
    "orders.events": {**KAFKA, "topic": "events"},
}


@pytest.fixture
def environ(tmp_path: Path) -> Callable[..., dict[str, str]]:
    def make(
        subscriptions: object = SUBSCRIPTIONS, outputs: object = OUTPUTS, **variables: str | None
    ) -> dict[str, str]:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        ingress, output = folder / "ingress.yaml", folder / "outputs.yaml"
        ingress.write_text(subscriptions if isinstance(subscriptions, str) else json.dumps(subscriptions))
        output.write_text(outputs if isinstance(outputs, str) else json.dumps(outputs))
        merged = {
            "TEMPORAL_ADDRESS": "temporal:7233",
            "INGRESS_CONFIG": str(ingress),
            "OUTPUT_CONFIG": str(output),
            **variables,
        }
        return {name: value for name, value in merged.items() if value is not None}

    return make


def problems_of(
    load: Callable[[ProcessContract, Mapping[str, str]], object], contract: ProcessContract, environ: Mapping[str, str]
) -> list[Problem]:
    with pytest.raises(StartupError) as caught:
        load(contract, environ)
    return list(caught.value.problems)


def test_a_worker_is_told_little(environ: Callable[..., dict[str, str]]):
    configuration = load_worker_configuration(CONTRACT, environ())
    assert configuration.temporal.address == "temporal:7233"
    assert configuration.temporal.namespace == "default"
    assert configuration.temporal.tls is False
    assert configuration.task_queue == "order-fulfillment"
    assert (configuration.http.host, configuration.http.port) == ("0.0.0.0", 8080)  # noqa: S104 - the default of HTTP_HOST
    assert configuration.version is None
    assert isinstance(configuration.dead_letter, KafkaOutput)
    assert configuration.dead_letter.topic == "dead"
    assert configuration.progress is None


def test_every_variable_has_its_effect(environ: Callable[..., dict[str, str]]):
    configuration = load_worker_configuration(
        CONTRACT,
        environ(
            outputs={**OUTPUTS, "progress": {**KAFKA, "topic": "progress"}},
            PROCESS_NAME="order-fulfillment",
            PROCESS_API_MAJOR="2",
            PORT_HTTP="9000",
            HTTP_HOST="127.0.0.1",
            TEMPORAL_NAMESPACE="orders",
            TEMPORAL_API_KEY="k",
            TEMPORAL_TASK_QUEUE="q",
            TEMPORAL_DEPLOYMENT_NAME="ns/order",
            TEMPORAL_WORKER_BUILD_ID="b1",
        ),
    )
    assert configuration.temporal.namespace == "orders"
    assert configuration.temporal.api_key == "k"
    assert configuration.temporal.tls is True
    assert configuration.task_queue == "q"
    assert (configuration.http.host, configuration.http.port) == ("127.0.0.1", 9000)
    assert configuration.version == WorkerVersion(deployment_name="ns/order", build_id="b1")
    assert configuration.progress is not None


def test_an_ingress_is_bound(environ: Callable[..., dict[str, str]]):
    configuration = load_ingress_configuration(CONTRACT, environ())
    orders, payments = configuration.subscriptions
    assert isinstance(orders.settings, KafkaSubscription)
    assert isinstance(payments.settings, KafkaSubscription)
    assert orders.settings.bootstrap_servers == ["broker-1:9092", "broker-2:9092"]
    assert orders.settings.topics == ["facts.orders.v1"]
    assert orders.settings.format == "protobuf"
    assert orders.group == "order-fulfillment.orders-facts"
    assert orders.dead_letter == "dead-letter"
    assert payments.settings.topics == ["a", "b"]
    assert payments.group == "g"
    assert payments.dead_letter == "dead-letter.pay"


def test_the_budget_of_a_history_is_set_for_the_server(environ: Callable[..., dict[str, str]]):
    assert load_ingress_configuration(CONTRACT, environ()).history_budget == HistoryBudget(20 * 2**20, 8_000)
    variables = {"INGRESS_HISTORY_BYTES": "5000000", "INGRESS_HISTORY_EVENTS": "5000"}
    assert load_ingress_configuration(CONTRACT, environ(**variables)).history_budget == HistoryBudget(5_000_000, 5_000)


@pytest.mark.parametrize("amount", ["many", "-1", "4095", "1e9", "9" * 30, "9501", "41943041"])
@pytest.mark.parametrize(
    ("variable", "advice"),
    [
        ("INGRESS_HISTORY_BYTES", "from 4194304 to 41943040: the server ends a workflow with a history of 50 MB"),
        ("INGRESS_HISTORY_EVENTS", "from 4096 to 9500: the server refuses the 10,001st signal of a workflow"),
    ],
    ids=["bytes", "events"],
)
def test_a_budget_that_is_none_is_refused(
    environ: Callable[..., dict[str, str]], variable: str, advice: str, amount: str
):
    (problem,) = problems_of(load_ingress_configuration, CONTRACT, environ(**{variable: amount}))
    assert (problem.name, problem.value) == (variable, amount)
    assert problem.advice.startswith(f"set it to a whole number {advice}")


@pytest.mark.parametrize("budget", [HistoryBudget(4 * 2**20, 4_096), HistoryBudget(40 * 2**20, 9_500)])
def test_a_budget_within_its_bounds_is_taken(environ: Callable[..., dict[str, str]], budget: HistoryBudget):
    variables = {"INGRESS_HISTORY_BYTES": str(budget.size), "INGRESS_HISTORY_EVENTS": str(budget.events)}
    assert load_ingress_configuration(CONTRACT, environ(**variables)).history_budget == budget


def loaded_with_instance_id(environ: dict[str, str], value: str, **variables: str) -> KafkaSubscription:
    changed = {**SUBSCRIPTIONS, "orders-facts": {**SUBSCRIPTIONS["orders-facts"], "groupInstanceId": value}}
    Path(environ["INGRESS_CONFIG"]).write_text(json.dumps(changed))
    bound, _ = load_ingress_configuration(CONTRACT, {**environ, **variables}).subscriptions
    assert isinstance(bound.settings, KafkaSubscription)
    return bound.settings


def test_a_static_member_is_named_by_its_environment(environ: Callable[..., dict[str, str]]):
    settings = loaded_with_instance_id(environ(), "ingress-${HOSTNAME}", HOSTNAME="orders-0")
    assert settings.group_instance_id == "ingress-orders-0"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("${NOWHERE}", "variable NOWHERE is not set"),
        ("${", "write variables as ${NAME}"),
        ("${HOSTNAME}/1", "is no id for Kafka"),
        ("..", "is no id for Kafka"),
        ("${HOSTNAME}" * 50, "is no id for Kafka"),
    ],
)
def test_an_id_that_kafka_does_not_take_is_refused(environ: Callable[..., dict[str, str]], value: str, said: str):
    with pytest.raises(StartupError) as refused:
        loaded_with_instance_id(environ(), value, HOSTNAME="orders-0")
    assert "INGRESS_CONFIG orders-facts.groupInstanceId" in str(refused.value)
    assert said in str(refused.value)


def test_files_may_be_yaml(environ: Callable[..., dict[str, str]]):
    subscriptions = """
    orders-facts: {kind: kafka, bootstrapServers: [b:1], topic: t, tls: {}}
    payments-facts:
      kind: kafka
      bootstrapServers: b:1
      topics: a, b
    """
    configuration = load_ingress_configuration(CONTRACT, environ(subscriptions))
    orders, payments = (each.settings for each in configuration.subscriptions)
    assert orders.tls == ClientTls()
    assert isinstance(payments, KafkaSubscription)
    assert payments.topics == ["a", "b"]


def test_everything_wrong_is_listed_at_once(environ: Callable[..., dict[str, str]]):
    everything = environ(
        subscriptions={
            "orders-facts": {"kind": "kafka", "bootstrapServers": "broker", "topic": "t", "password": "hunter2"},
            "payment-facts": {**KAFKA, "topic": "t"},
        },
        outputs={"dead-leter": {**KAFKA, "topic": "d"}, "orders.events": {"kind": "pulsar"}},
        TEMPORAL_ADDRESS=None,
        TEMPORAL_TLS="maybe",
        TEMPORAL_TLS_CLIENT_CERT_PATH="/tls/tls.crt",
        TEMPORAL_TLS_DISABLE_HOST_VERIFICATION="true",
        PORT_HTTP="http",
    )
    found = {problem.name: problem for problem in problems_of(load_ingress_configuration, CONTRACT, everything)}
    assert set(found) == {
        "TEMPORAL_ADDRESS",
        "TEMPORAL_TLS",
        "TEMPORAL_TLS_CLIENT_CERT_PATH",
        "TEMPORAL_TLS_DISABLE_HOST_VERIFICATION",
        "PORT_HTTP",
        "INGRESS_CONFIG orders-facts.bootstrapServers",
        "INGRESS_CONFIG orders-facts.password",
        "INGRESS_CONFIG payments-facts",
        "INGRESS_CONFIG payment-facts",
        "OUTPUT_CONFIG dead-leter",
        "OUTPUT_CONFIG dead-letter",
        "OUTPUT_CONFIG orders.events",
    }
    assert found["INGRESS_CONFIG orders-facts.password"].value == "is not known"
    assert found["INGRESS_CONFIG payment-facts"].advice == "did you mean payments-facts?"
    assert found["OUTPUT_CONFIG dead-leter"].advice == "did you mean dead-letter?"


def test_no_secret_is_ever_shown(environ: Callable[..., dict[str, str]], tmp_path: Path):
    config = tmp_path / "temporal.toml"
    config.write_text('[profile.default]\napi_key = "s3cret')
    environments = [
        environ(TEMPORAL_API_KEY="s3cret", PORT_HTTP="x"),
        environ(TEMPORAL_TLS_CLIENT_CERT_DATA="s3cret", TEMPORAL_TLS_CLIENT_KEY_DATA="s3cret"),
        environ(TEMPORAL_TLS_SERVER_CA_CERT_DATA="s3cret"),
        environ({"orders-facts": {"kind": "kafka", "token": "s3cret", "bootstrapServers": "u:s3cret@h://s3cret@x"}}),
        environ("orders-facts: {kind: kafka, password: s3cret"),
        environ("orders-facts: {kind: kafka, password: *s3cret}"),
        environ("orders-facts: {kind: kafka, password: !s3cret}"),
        environ({"orders-facts": "s3cret"}),
        environ({"orders-facts": {**KAFKA, "kind": "s3cret"}}),
        environ({"orders-facts": {**KAFKA, "bootstrapServers": "b:s3cret"}}),
        environ({"orders-facts": {**KAFKA, "bootstrapServers": "u:s3cret@b:9092", "topic": "t"}}),
        environ({"orders-facts": {**KAFKA, "topic": "t", "tls": "s3cret", "sasl": "s3cret"}}),
        environ({"orders-facts": {**KAFKA, "topic": "t", "sasl": {**SASL, "mechanism": "s3cret"}}}),
        environ({"orders-facts": {**KAFKA, "topic": "t", "sasl": {**SASL, "passwordFile": "s3cret"}}}),
        environ({"orders-facts": {**KAFKA, "topic": "t", "sasl": {**SASL, "passwordFile": "s3cret" * 100}}}),
        environ({"orders-facts": {**KAFKA, "topic": "t", "tls": {"certFile": "/c", "keyFile": "-----BEGIN s3cret"}}}),
        environ(TEMPORAL_API_KEY="s3cret\ns3cret"),
        environ(
            TEMPORAL_TLS_CLIENT_CERT_PATH="/c", TEMPORAL_TLS_CLIENT_KEY_PATH="-----BEGIN PRIVATE KEY-----\ns3cret" * 99
        ),
        environ(TEMPORAL_CONFIG_FILE=str(config)),
    ]
    for each in environments:
        with pytest.raises(StartupError) as caught:
            load_ingress_configuration(CONTRACT, each)
        shown = caught.value.render("x") + json.dumps(caught.value.termination_message()) + repr(caught.value)
        assert "s3cret" not in shown, shown


@pytest.mark.parametrize(
    ("change", "place", "value", "advice"),
    [
        ({"tls": "yes"}, "tls", "is a string", "write a mapping of settings"),
        ({"topics": {"a": 1}}, "topics", "is a mapping", "write a list, or one string with commas"),
        ({"consumerGroup": 7}, "consumerGroup", "is a number", "write a string, in quotes where it looks like"),
        ({"sessionTimeoutSeconds": "long"}, "sessionTimeoutSeconds", "is a string", "valid number"),
        ({"sessionTimeoutSeconds": 0}, "sessionTimeoutSeconds", "is wrong", "greater than or equal to 1"),
        ({"format": "xml"}, "format", "is wrong", "'protobuf' or 'json'"),
        ({"bootstrapServers": "b"}, "bootstrapServers", "is wrong", "write host:port, without scheme"),
        ({"bootstrapServers": "b:1,b:0"}, "bootstrapServers", "is wrong", "the port from 1 to 65535"),
        ({"bootstrapServers": "b:70000"}, "bootstrapServers", "is wrong", "the port from 1 to 65535"),
        ({"bootstrapServers": "b:" + "1" * 5000}, "bootstrapServers", "is wrong", "the port from 1 to 65535"),
        ({"topic": "t"}, "", "is wrong", "set topic or topics, not both"),
        ({"topics": "a, b, a"}, "topics", "is wrong", "name each topic once"),
        ({"kind": "pulsar"}, "", "is wrong", "set kind to the transport, one of: kafka"),
    ],
)
def test_a_wrong_setting_is_named_by_place_and_type(
    environ: Callable[..., dict[str, str]], change: dict[str, object], place: str, value: str, advice: str
):
    binding = {**KAFKA, "topics": ["t"], **change}
    subscriptions = {**SUBSCRIPTIONS, "orders-facts": binding}
    (problem,) = problems_of(load_ingress_configuration, CONTRACT, environ(subscriptions))
    assert problem.name == f"INGRESS_CONFIG orders-facts.{place}".rstrip(".")
    assert problem.value == value
    assert advice in problem.advice


NO_TOPICS = ["", " ", "a b/c", ".", "..", "ümlaut", "a\n", "a" * 250]


@pytest.mark.parametrize("topic", NO_TOPICS)
def test_a_topic_that_kafka_cannot_have_is_refused(environ: Callable[..., dict[str, str]], topic: str):
    wrong = environ(
        subscriptions={**SUBSCRIPTIONS, "orders-facts": {**KAFKA, "topics": ["a", topic]}},
        outputs={**OUTPUTS, "dead-letter": {**KAFKA, "topic": topic}, "orders.events": {**KAFKA, "topic": topic}},
    )
    problems = problems_of(load_ingress_configuration, CONTRACT, wrong)
    assert {problem.name for problem in problems} == {
        "INGRESS_CONFIG orders-facts.topics.1",
        "OUTPUT_CONFIG dead-letter.topic",
        "OUTPUT_CONFIG orders.events.topic",
    }
    assert all("1 to 249 letters, digits, dots, underscores and dashes" in problem.advice for problem in problems)


@pytest.mark.parametrize("topic", ["a", "...", ".a", "..a", "A_b-c.9", "a" * 249])
def test_a_topic_that_kafka_can_have_is_taken(environ: Callable[..., dict[str, str]], topic: str):
    subscriptions = {**SUBSCRIPTIONS, "orders-facts": {**KAFKA, "topic": topic}}
    bound, _ = load_ingress_configuration(CONTRACT, environ(subscriptions)).subscriptions
    assert isinstance(bound.settings, KafkaSubscription)
    assert bound.settings.topics == [topic]


@pytest.mark.parametrize("key", ["two\nlines", "tab\tstop", "nul\0", "bell\x07", "ümlaut", "\nk"])
@pytest.mark.parametrize("variable", ["TEMPORAL_API_KEY", "TEMPORAL_GRPC_META_TENANT"])
def test_a_value_that_no_header_takes_is_refused(environ: Callable[..., dict[str, str]], variable: str, key: str):
    (problem,) = problems_of(load_worker_configuration, CONTRACT, environ(**{variable: key}))
    assert problem.name == variable
    assert problem.value == "is wrong"
    assert "write the value alone, on one line" in problem.advice


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_the_line_break_that_a_file_ends_with_is_no_part_of_an_api_key(
    environ: Callable[..., dict[str, str]], end: str
):
    configuration = load_worker_configuration(CONTRACT, environ(TEMPORAL_API_KEY=f"k e.y{end}"))
    assert configuration.temporal.api_key == "k e.y"


def test_a_version_is_whole_or_absent(environ: Callable[..., dict[str, str]]):
    (name,) = problems_of(load_worker_configuration, CONTRACT, environ(TEMPORAL_WORKER_BUILD_ID="b"))
    assert name.name == "TEMPORAL_DEPLOYMENT_NAME"
    (build,) = problems_of(load_worker_configuration, CONTRACT, environ(TEMPORAL_DEPLOYMENT_NAME="d"))
    assert build.name == "TEMPORAL_WORKER_BUILD_ID"


@pytest.mark.parametrize("load", [load_worker_configuration, load_ingress_configuration])
@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"PROCESS_NAME": "billing"}, {"name": "billing", "apiMajor": 2}),
        ({"PROCESS_API_MAJOR": "1"}, {"name": "order-fulfillment", "apiMajor": 1}),
    ],
)
def test_another_process_is_a_contract_mismatch_whatever_else_is_wrong(
    load: Callable[[ProcessContract, Mapping[str, str]], object], variables: dict[str, str], expected: dict[str, object]
):
    with pytest.raises(ContractMismatchError) as caught:
        load(CONTRACT, variables)
    assert caught.value.exit_code == 78
    assert caught.value.termination_message() == {
        "reason": "ContractMismatch",
        "expected": expected,
        "actual": {"name": "order-fulfillment", "apiMajor": 2},
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: [", "is neither YAML nor JSON at line 1"),
        ("- a", "must be a mapping"),
        ("3", "must be a mapping"),
        ("1: {}", "must be a mapping"),
    ],
)
def test_an_unreadable_file_is_one_problem(environ: Callable[..., dict[str, str]], content: str, said: str):
    (problem,) = problems_of(load_worker_configuration, CONTRACT, environ(outputs=content))
    assert problem.name == "OUTPUT_CONFIG"
    assert said in problem.advice


TWICE = [
    ("d: {kind: kafka}\ne: {kind: kafka}\nd: {kind: nats}\n", "has 'd' twice in one mapping, at lines 1 and 3"),
    ('{"d": {}, "d": {}}', "has 'd' twice in one mapping, at lines 1 and 1"),
    ("d:\n  topic: a\n  topic: b\n", "has 'topic' twice in one mapping, at lines 2 and 3"),
]


@pytest.mark.parametrize(("content", "said"), TWICE)
def test_what_stands_twice_is_named(environ: Callable[..., dict[str, str]], content: str, said: str):
    wrong = environ(subscriptions=content, outputs=content)
    problems = problems_of(load_ingress_configuration, CONTRACT, wrong)
    assert [problem.name for problem in problems] == ["INGRESS_CONFIG", "OUTPUT_CONFIG"]
    assert all(problem.advice.startswith(said) for problem in problems)


def test_a_merge_may_be_overridden(environ: Callable[..., dict[str, str]]):
    subscriptions = """
    orders-facts: &orders {kind: kafka, bootstrapServers: b:1, topic: t}
    payments-facts: {<<: *orders, topic: u}
    """
    orders, payments = load_ingress_configuration(CONTRACT, environ(subscriptions)).subscriptions
    assert isinstance(orders.settings, KafkaSubscription)
    assert isinstance(payments.settings, KafkaSubscription)
    assert (orders.settings.topics, payments.settings.topics) == (["t"], ["u"])


def test_an_absent_file_is_one_problem(environ: Callable[..., dict[str, str]]):
    (problem,) = problems_of(load_worker_configuration, CONTRACT, environ(OUTPUT_CONFIG="/nowhere"))
    assert problem == Problem("OUTPUT_CONFIG", "/nowhere", "no such file; is the ConfigMap mounted?")


def test_a_worker_without_a_dead_letter_output_does_not_start(environ: Callable[..., dict[str, str]]):
    (problem,) = problems_of(
        load_worker_configuration, CONTRACT, environ(outputs={"orders.events": OUTPUTS["orders.events"]})
    )
    assert problem.name == "OUTPUT_CONFIG dead-letter"


def test_a_process_without_subscriptions_has_no_ingress(environ: Callable[..., dict[str, str]]):
    nothing = dataclasses.replace(CONTRACT, subscriptions=())
    assert problems_of(load_ingress_configuration, nothing, environ({}))[0].value == "has no use"


def test_files_that_settings_name_must_be_there(environ: Callable[..., dict[str, str]]):
    secured = {
        **KAFKA,
        "topic": "dead",
        "tls": {"caFile": "/ca.crt"},
        "sasl": {"mechanism": "SCRAM-SHA-512", "username": "u", "passwordFile": "/password"},
    }
    found = problems_of(load_worker_configuration, CONTRACT, environ(outputs={**OUTPUTS, "dead-letter": secured}))
    assert [(each.name, each.value) for each in found] == [
        ("OUTPUT_CONFIG dead-letter.tls.caFile", "/ca.crt"),
        ("OUTPUT_CONFIG dead-letter.sasl.passwordFile", "names no file"),
    ]


def test_certificates_that_do_not_load_are_named(environ: Callable[..., dict[str, str]], tmp_path: Path) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    secured = {**KAFKA, "topic": "dead", "tls": {"caFile": str(junk)}}
    (problem,) = problems_of(load_worker_configuration, CONTRACT, environ(outputs={**OUTPUTS, "dead-letter": secured}))
    assert problem.name == "OUTPUT_CONFIG dead-letter.tls"
    assert "do not load" in problem.advice


def test_it_reads_as_people_expect():
    error = StartupError(
        [
            Problem("TEMPORAL_ADDRESS", "is not set", "set it to host:port of the Temporal frontend"),
            Problem("TEMPORAL_TLS_CLIENT_CERT_PATH", "/tls/tls.crt", "no such file; is the Secret mounted?"),
        ]
    )
    assert error.render("order-fulfillment worker") == (
        "order-fulfillment worker cannot start:\n"
        "  TEMPORAL_ADDRESS                is not set     set it to host:port of the Temporal frontend\n"
        "  TEMPORAL_TLS_CLIENT_CERT_PATH   /tls/tls.crt   no such file; is the Secret mounted?"
    )
    assert error.exit_code == 2


def test_concurrency_is_the_sdks_own_until_it_is_set(environ: Callable[..., dict[str, str]]):
    assert load_worker_configuration(CONTRACT, environ()).concurrency == WorkerConcurrency()
    variables = {
        "TEMPORAL_WORKER_MAX_CONCURRENT_WORKFLOW_TASK_EXECUTION_SIZE": "1000",
        "TEMPORAL_WORKER_MAX_CONCURRENT_ACTIVITY_EXECUTION_SIZE": "2000",
        "TEMPORAL_WORKER_MAX_CONCURRENT_LOCAL_ACTIVITY_EXECUTION_SIZE": "10",
        "TEMPORAL_WORKER_MAX_CONCURRENT_WORKFLOW_TASK_POLLERS": "2",
        "TEMPORAL_WORKER_MAX_CONCURRENT_ACTIVITY_TASK_POLLERS": "3",
        "TEMPORAL_WORKER_WORKER_ACTIVITIES_PER_SECOND": "0.5",
        "TEMPORAL_WORKER_TASK_QUEUE_ACTIVITIES_PER_SECOND": "100",
        "TEMPORAL_WORKER_STICKY_WORKFLOW_CACHE_SIZE": "0",
    }
    assert load_worker_configuration(CONTRACT, environ(**variables)).concurrency == WorkerConcurrency(
        max_concurrent_workflow_tasks=1000,
        max_concurrent_activities=2000,
        max_concurrent_local_activities=10,
        max_concurrent_workflow_task_polls=2,
        max_concurrent_activity_task_polls=3,
        max_activities_per_second=0.5,
        max_task_queue_activities_per_second=100,
        max_cached_workflows=0,
    )


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("MAX_CONCURRENT_ACTIVITY_EXECUTION_SIZE", "0"),
        ("MAX_CONCURRENT_WORKFLOW_TASK_POLLERS", "1"),
        ("STICKY_WORKFLOW_CACHE_SIZE", "many"),
        ("WORKER_ACTIVITIES_PER_SECOND", "0"),
        ("TASK_QUEUE_ACTIVITIES_PER_SECOND", "nan"),
    ],
)
def test_concurrency_that_no_worker_takes_is_named(environ: Callable[..., dict[str, str]], option: str, value: str):
    variable = f"TEMPORAL_WORKER_{option}"
    (problem,) = problems_of(load_worker_configuration, CONTRACT, environ(**{variable: value}))
    assert (problem.name, problem.value) == (variable, value)
    assert problem.advice.startswith("set it ")


def test_spans_are_made_only_where_a_collector_is_named(environ: Callable[..., dict[str, str]]) -> None:
    def tracing(**variables: str | None) -> TracingSettings | None:
        return load_worker_configuration(CONTRACT, environ(**variables)).tracing

    assert tracing() is None
    assert tracing(OTEL_EXPORTER_OTLP_ENDPOINT="http://c:4318") == TracingSettings("http/protobuf", None)
    assert tracing(
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://c:4317",
        OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
        OTEL_EXPORTER_OTLP_TRACES_PROTOCOL="grpc",
        OTEL_SERVICE_NAME="orders",
    ) == TracingSettings("grpc", "orders")
    assert tracing(OTEL_EXPORTER_OTLP_ENDPOINT="http://c:4318", OTEL_SDK_DISABLED="true") is None
    assert tracing(OTEL_EXPORTER_OTLP_ENDPOINT="http://c:4318", OTEL_TRACES_EXPORTER="none") is None


def test_a_protocol_that_is_not_spoken_is_named(environ: Callable[..., dict[str, str]]) -> None:
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
        "OTEL_TRACES_EXPORTER": "zipkin",
    }
    with pytest.raises(StartupError) as caught:
        load_ingress_configuration(CONTRACT, environ(**variables))
    assert list(caught.value.problems) == [
        Problem("OTEL_TRACES_EXPORTER", "zipkin", "set it to otlp or none, or unset it"),
        Problem("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", "set it to one of: http/protobuf, grpc"),
    ]


@pytest.mark.parametrize("address", ["temporal", "http://temporal:7233", "temporal:0", "temporal:70000", ":7233"])
def test_an_address_of_temporal_that_is_none_is_refused(environ: Callable[..., dict[str, str]], address: str):
    (problem,) = problems_of(load_worker_configuration, CONTRACT, environ(TEMPORAL_ADDRESS=address))
    assert (problem.name, problem.value) == ("TEMPORAL_ADDRESS", address)
    assert problem.advice.startswith("write host:port")


class Asked(dict[str, str]):
    """Variables, and the names of those that were asked for."""

    names: set[str]

    def get(self, key: str, default: Any = None) -> Any:
        self.names.add(key)
        return super().get(key, default)


@pytest.mark.parametrize(
    ("program", "load"), [("worker", load_worker_configuration), ("ingress", load_ingress_configuration)]
)
def test_help_lists_every_variable_that_is_read(
    environ: Callable[..., dict[str, str]], program: str, load: Callable[..., object]
):
    asked = Asked(environ())
    asked.names = set()
    load(CONTRACT, asked)
    listed = help_of("p", program)
    assert max(map(len, listed.splitlines())) <= 100
    # What begins as a family does: TEMPORAL_WORKER_*.
    names = re.findall(r"\b[A-Z][A-Z_]+[A-Z]\b", listed)
    families = tuple(re.findall(r"\b([A-Z_]+_)\*", listed))
    assert {name for name in asked.names if name not in names and not name.startswith(families)} == set()
    assert "PORT_HTTP" in asked.names & set(names)
