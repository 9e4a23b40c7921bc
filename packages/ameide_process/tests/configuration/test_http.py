"""Subscriptions by HTTP: what their settings say, and what cannot hold beside each other."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ameide_process.configuration import HttpSubscription
from bound_ingress import DEAD_LETTER, load_bound
from startup_problems import problems_of

Load = Callable[..., Any]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads an ingress whose every subscription is by HTTP."""

    def read(document: dict[str, Any], outputs: dict[str, Any] | None = None, **variables: str) -> Any:
        return load_bound(tmp_path, document, outputs, **variables)

    return read


def test_nothing_need_be_set(load: Load):
    configuration = load({"orders": {"kind": "http"}})
    (bound,) = configuration.subscriptions
    assert isinstance(bound.settings, HttpSubscription)
    assert (bound.settings.port, bound.settings.path_of("orders")) == (8090, "/events/orders")
    # What can never be handled stays with its producer, so no stream need be bound.
    assert bound.dead_letter is None
    assert configuration.outputs == {}


def test_a_dead_letter_stream_that_is_named_must_be_bound(load: Load):
    named = {"orders": {"kind": "http", "deadLetter": "dead-letter"}}
    assert load(named, DEAD_LETTER).subscriptions[0].dead_letter == "dead-letter"
    (problem,) = problems_of(load, named, {})
    assert (problem.name, problem.value) == ("OUTPUT_CONFIG dead-letter", "is missing")
    (problem,) = problems_of(load, named)
    assert (problem.name, problem.value) == ("OUTPUT_CONFIG", "is not set")


def test_subscriptions_share_a_port_where_they_agree_about_it(load: Load):
    assert len(load({"a": {"kind": "http"}, "b": {"kind": "http", "maxBodyBytes": 5_000}}).subscriptions) == 2
    (problem,) = problems_of(load, {"a": {"kind": "http"}, "b": {"kind": "http", "maxConnections": 5}})
    assert problem.name == "INGRESS_CONFIG b.port"
    assert "a listens on 8090 too" in problem.advice
    (problem,) = problems_of(load, {"a": {"kind": "http", "path": "/x"}, "b": {"kind": "http", "path": "/x"}})
    assert problem.name == "INGRESS_CONFIG b.path"
    assert len(load({"a": {"kind": "http"}, "b": {"kind": "http", "path": "/x", "port": 8091}}).subscriptions) == 2


def test_events_and_readiness_do_not_share_a_port(load: Load):
    (problem,) = problems_of(load, {"a": {"kind": "http", "port": 8080}})
    assert problem.name == "INGRESS_CONFIG a.port"
    assert "PORT_HTTP is 8080 too" in problem.advice
    assert problems_of(load, {"a": {"kind": "http"}}, PORT_HTTP="8090")


def test_files_must_be_there_and_a_token_in_their_place_is_not_shown(load: Load):
    document = {
        "kind": "http",
        "bearerTokenFile": "my-secret-token",
        "tls": {"certFile": "/nowhere/tls.crt", "keyFile": "/nowhere/tls.key"},
    }
    found = {problem.name: problem.value for problem in problems_of(load, {"orders": document})}
    assert found == {
        "INGRESS_CONFIG orders.bearerTokenFile": "names no file",
        "INGRESS_CONFIG orders.tls.certFile": "/nowhere/tls.crt",
        "INGRESS_CONFIG orders.tls.keyFile": "names no file",
    }


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("path", "events"),
        ("path", "/a b"),
        ("path", "/a//b"),
        ("path", "/a?b"),
        ("port", 0),
        ("port", 70_000),
        ("maxBodyBytes", 1),
        ("maxConcurrentRequests", 0),
        ("bodyTimeoutSeconds", 0),
        ("headersTimeoutSeconds", -1),
        ("topic", "x"),
        ("tls", {"certFile": "/x"}),
    ],
)
def test_what_cannot_be_meant_is_refused(load: Load, setting: str, value: object):
    problems = problems_of(load, {"orders": {"kind": "http", setting: value}})
    assert all(problem.name.startswith("INGRESS_CONFIG orders") for problem in problems)
    assert not any("http." in problem.name for problem in problems)
