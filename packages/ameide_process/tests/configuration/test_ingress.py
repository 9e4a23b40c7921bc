"""What an ingress is told: the streams of its subscriptions, and how much history a workflow may have."""

import dataclasses
from collections.abc import Callable

import pytest
from ameide_process.configuration import HistoryBudget, KafkaSubscription, load_ingress_configuration
from startup_problems import problems_of
from two_subscriptions import CONTRACT


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


def test_a_process_without_subscriptions_has_no_ingress(environ: Callable[..., dict[str, str]]):
    nothing = dataclasses.replace(CONTRACT, subscriptions=())
    assert problems_of(load_ingress_configuration, nothing, environ({}))[0].value == "has no use"


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
