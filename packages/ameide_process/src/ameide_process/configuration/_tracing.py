"""Whether spans are sent, by OpenTelemetry's own variables."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from ameide_process.configuration._problems import ProblemList

OtlpProtocol = Literal["http/protobuf", "grpc"]

_TRACES = "OTEL_EXPORTER_OTLP_TRACES_"
_ALL = "OTEL_EXPORTER_OTLP_"


@dataclass(frozen=True, slots=True)
class TracingSettings:
    """A collector. Its address, headers and certificates the exporter reads by itself."""

    protocol: OtlpProtocol
    service_name: str | None
    """None: the process and the program."""


def read_tracing(environ: Mapping[str, str], problems: ProblemList) -> TracingSettings | None:
    """Reads OTEL_EXPORTER_OTLP_ENDPOINT and what belongs to it.

    Returns:
        None where no endpoint is named, or OTEL_SDK_DISABLED or OTEL_TRACES_EXPORTER says no.
    """
    if not (environ.get(f"{_TRACES}ENDPOINT") or environ.get(f"{_ALL}ENDPOINT")):
        return None
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    exporter = environ.get("OTEL_TRACES_EXPORTER") or "otlp"
    if exporter == "none":
        return None
    if exporter != "otlp":
        problems.add("OTEL_TRACES_EXPORTER", exporter, "set it to otlp or none, or unset it")
    variable = f"{_TRACES}PROTOCOL" if environ.get(f"{_TRACES}PROTOCOL") else f"{_ALL}PROTOCOL"
    # The default of the specification; the port that goes with it is 4318.
    named = environ.get(variable) or "http/protobuf"
    for protocol in get_args(OtlpProtocol):
        if named == protocol:
            return TracingSettings(protocol=protocol, service_name=environ.get("OTEL_SERVICE_NAME") or None)
    problems.add(variable, named, f"set it to one of: {', '.join(get_args(OtlpProtocol))}")
    return None
