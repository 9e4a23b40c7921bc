"""Which package may import which: the contract is written from the workspace's members, import-linter checks it.

import-linter takes no namespace package as a root, and processes come and go, so no fixed file can hold the contract.
"""

from configparser import ConfigParser
from pathlib import Path

from ameide_guardrails.workspace import ProcessMember, packages, processes, services

RUNTIME = "ameide_process"
DEVELOPMENT = ("ameide_devstack", "ameide_determinism", "ameide_guardrails")
"""Packages for development: production code imports none of them."""

DETERMINISM = "ameide_determinism"

BUILD_TIME = "protoc_gen_process"

PROTO_TOOLS = ("grpc_tools", "protobuf")
"""What reads proto sources; production code imports generated messages only, so that no source tree is shipped."""

INSIDE_RUNTIME = (
    "testing",
    "redrive",
    "replay : worker : ingress",
    "tracing",
    "connection : startup : outputs : serving : telemetry : logs : kafka_security",
    "configuration : sandbox",
    "worker_parts",
    "workflow",
    "routing",
    "workflow_id : converter",
    "contract : invalid_event",
)
"""Rooms of the runtime, top to bottom; a room imports lower ones only."""

OPERATOR = "ameide_operator"

INSIDE_OPERATOR = (
    "__main__ : testing",
    "settings",
    "operator : logs",
    "serving : watching",
    "reconciling",
    "monitoring : kubernetes",
    "conditions",
    "rollout : secret_summary",
    "planning : crd",
    "models : bodies : temporal_calls",
)
"""Rooms of the operator, top to bottom, all of them; those from `conditions` down do no I/O, beside what of `rollout`
speaks to Temporal."""

FRONT = ("testing", "worker", "ingress", "parts", "entry")
"""Generated modules that may import the impl."""


def write_contract(root: Path, target: Path) -> None:
    """Writes the import-linter configuration of a workspace.

    Args:
        root: The workspace.
        target: File to write.
    """
    members = processes(root)
    present = packages(root)
    development = [name for name in DEVELOPMENT if name in present]
    config = ConfigParser()
    roots = [name for name in present if name != "ameide_core_proto"]
    roots += services(root)
    roots += [name for member in members for name in (member.generated, member.impl) if name]
    config["importlinter"] = {"root_packages": _lines(roots), "include_external_packages": "True"}
    config["importlinter:contract:runtime"] = {
        "name": "the rooms of the runtime import downwards",
        "type": "layers",
        "containers": _lines([RUNTIME]),
        "layers": _lines(INSIDE_RUNTIME),
    }
    config["importlinter:contract:build-time"] = {
        "name": "the generator and production code do not import each other",
        "type": "independence",
        "modules": _lines([BUILD_TIME, RUNTIME]),
    }
    config["importlinter:contract:production"] = {
        "name": "production code imports nothing that is for development",
        "type": "forbidden",
        "source_modules": _lines([RUNTIME, *(member.impl for member in members if member.impl)]),
        "forbidden_modules": _lines([*development, BUILD_TIME, *PROTO_TOOLS, "pytest"]),
        # The tests' harness is part of the runtime's package, and only generated testing modules import it.
        "allow_indirect_imports": "True",
    }
    if DETERMINISM in present:
        config["importlinter:contract:determinism"] = {
            "name": "the determinism checker serves any Temporal project and imports nothing of ours",
            "type": "forbidden",
            "source_modules": _lines([DETERMINISM]),
            "forbidden_modules": _lines([name for name in roots if name != DETERMINISM]),
        }
    if OPERATOR in services(root):
        _add_operator(config, [name for name in present if name != "ameide_core_proto"], members)
    for member in members:
        _add_process(config, root, member)
    with target.open("w") as file:
        config.write(file)


def _add_operator(config: ConfigParser, present: list[str], members: list[ProcessMember]) -> None:
    config["importlinter:contract:operator"] = {
        "name": "the rooms of the operator import downwards",
        "type": "layers",
        "containers": _lines([OPERATOR]),
        "layers": _lines(INSIDE_OPERATOR),
        # A room that stands in no row could import whatever it likes.
        "exhaustive": "True",
    }
    processes = [name for member in members for name in (member.generated, member.impl) if name]
    config["importlinter:contract:operator-alone"] = {
        "name": "the operator imports nothing of runtime, generator and processes: it knows them by the narrow waist",
        "type": "forbidden",
        "source_modules": _lines([OPERATOR]),
        "forbidden_modules": _lines([*present, *processes, *PROTO_TOOLS, "pytest"]),
    }


def _add_process(config: ConfigParser, root: Path, member: ProcessMember) -> None:
    source = root / "build" / "generated" / "process" / member.name / "src" / member.generated
    modules = sorted(path.stem for path in source.glob("*.py") if path.stem != "__init__")
    front = [module for module in FRONT if module in modules]
    contract = [module for module in modules if module not in front]
    layers = [" : ".join(f"{member.generated}.{module}" for module in front)] if front else []
    layers += [member.impl] if member.impl else []
    layers += [" : ".join(f"{member.generated}.{module}" for module in contract), RUNTIME]
    config[f"importlinter:contract:{member.name}"] = {
        "name": f"{member.name}: mains > impl > contract > runtime",
        "type": "layers",
        "layers": _lines(layers),
    }


def _lines(values: list[str] | tuple[str, ...]) -> str:
    return "\n" + "\n".join(values)
