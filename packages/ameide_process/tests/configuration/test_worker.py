"""What a worker is told: Temporal, its task queue, its version, and how much it does at once."""

from collections.abc import Callable

import pytest
from ameide_process.configuration import KafkaOutput, WorkerConcurrency, WorkerVersion, load_worker_configuration
from startup_problems import problems_of
from two_subscriptions import CONTRACT, KAFKA, OUTPUTS


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


def test_a_version_is_whole_or_absent(environ: Callable[..., dict[str, str]]):
    (name,) = problems_of(load_worker_configuration, CONTRACT, environ(TEMPORAL_WORKER_BUILD_ID="b"))
    assert name.name == "TEMPORAL_DEPLOYMENT_NAME"
    (build,) = problems_of(load_worker_configuration, CONTRACT, environ(TEMPORAL_DEPLOYMENT_NAME="d"))
    assert build.name == "TEMPORAL_WORKER_BUILD_ID"


def test_a_worker_without_a_dead_letter_output_does_not_start(environ: Callable[..., dict[str, str]]):
    (problem,) = problems_of(
        load_worker_configuration, CONTRACT, environ(outputs={"orders.events": OUTPUTS["orders.events"]})
    )
    assert problem.name == "OUTPUT_CONFIG dead-letter"


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


@pytest.mark.parametrize("address", ["temporal", "http://temporal:7233", "temporal:0", "temporal:70000", ":7233"])
def test_an_address_of_temporal_that_is_none_is_refused(environ: Callable[..., dict[str, str]], address: str):
    (problem,) = problems_of(load_worker_configuration, CONTRACT, environ(TEMPORAL_ADDRESS=address))
    assert (problem.name, problem.value) == ("TEMPORAL_ADDRESS", address)
    assert problem.advice.startswith("write host:port")
