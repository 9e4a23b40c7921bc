"""Where spans go: told by the variables of OpenTelemetry."""

from collections.abc import Callable

import pytest
from ameide_process.configuration import (
    Problem,
    StartupError,
    TracingSettings,
    load_ingress_configuration,
    load_worker_configuration,
)
from two_subscriptions import CONTRACT


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
