"""Mounted files are YAML or JSON; one that does not read is one problem, which says where."""

from collections.abc import Callable

import pytest
from ameide_process.configuration import (
    ClientTls,
    KafkaSubscription,
    Problem,
    load_ingress_configuration,
    load_worker_configuration,
)
from startup_problems import problems_of
from two_subscriptions import CONTRACT


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
