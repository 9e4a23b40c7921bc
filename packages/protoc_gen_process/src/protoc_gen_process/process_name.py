"""Which names a process can have."""

import re
import sys

from protoc_gen_process.python_names import is_plain

MAXIMUM_LENGTH = 63
"""Characters; the name is a Kubernetes label (RFC 1035)."""

_KEBAB_CASE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

_TAKEN_PACKAGES = frozenset(
    {
        # This repository.
        *("ameide_core_proto", "ameide_determinism", "ameide_devstack", "ameide_guardrails", "ameide_operator"),
        *("ameide_process", "ameide_process_platform", "conftest", "noxfile", "protoc_gen_process", "tests"),
        # Directories of the workspace's root, which Python takes for packages there.
        *("benchmarks", "build", "packages", "primitives", "services"),
        # What generated code, the runtime and their tests import.
        *("aiohttp", "aiokafka", "cloudevents", "google", "hypothesis", "jinja2", "kopf", "lightkube", "nats"),
        *("opentelemetry", "prometheus_client", "protobuf", "psutil", "pydantic", "pydantic_settings", "pytest"),
        *("pytest_asyncio", "rich", "structlog", "temporalio", "tenacity", "typer", "yaml"),
    }
)
"""Top-level modules that the package of a process would hide, beside the standard library's."""


def package_of(name: str) -> str:
    """Returns the Python package of a process: the snake-case form of its name."""
    return name.replace("-", "_")


def is_kebab_case(name: str) -> bool:
    """Whether a name is lower-case words joined by single hyphens, and short enough."""
    return _KEBAB_CASE.fullmatch(name) is not None and len(name) <= MAXIMUM_LENGTH


def package_taken_by(package: str) -> str | None:
    """Returns what has the name of a package already, None where it is free."""
    if not is_plain(package):
        return "a Python keyword"
    if package in sys.stdlib_module_names:
        return "a module of Python's standard library"
    if package in _TAKEN_PACKAGES:
        return "a package that processes or this workspace use"
    return None
