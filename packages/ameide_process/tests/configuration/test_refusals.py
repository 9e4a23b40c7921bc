"""A program that cannot start says everything that is wrong in one go, and reads as people expect."""

from collections.abc import Callable, Mapping

import pytest
from ameide_process.configuration import (
    ContractMismatchError,
    Problem,
    StartupError,
    load_ingress_configuration,
    load_worker_configuration,
)
from ameide_process.contract import ProcessContract
from startup_problems import problems_of
from two_subscriptions import CONTRACT, KAFKA


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
