"""No use of Temporal's worker versioning from before 2025, which its server is to drop.

Worker Deployments take its place: https://docs.temporal.io/production-deployment/worker-deployments/worker-versioning
"""

import ast
from pathlib import Path

from ameide_guardrails.sources import files_below

RETIRED = frozenset({
    "use_worker_versioning",
    "update_worker_build_id_compatibility",
    "get_worker_build_id_compatibility",
    "get_worker_task_reachability",
    "versioning_intent",
    "VersioningIntent",
    "BuildIdOp",
    "BuildIdOpAddNewDefault",
    "BuildIdOpAddNewCompatible",
    "WorkerBuildIdVersionSets",
    "UpdateWorkerBuildIdCompatibilityRequest",
    "GetWorkerBuildIdCompatibilityRequest",
    "UpdateWorkerVersioningRulesRequest",
    "GetWorkerVersioningRulesRequest",
    "GetWorkerTaskReachabilityRequest",
})  # fmt: skip
"""Names of the retired API, as the Python SDK and its API messages have them."""

_REPLACEMENT = "WorkerDeploymentConfig"
"""Has a `use_worker_versioning` of its own."""

_PLACES = ("packages", "build/generated", "primitives", "services")


def violations(root: Path) -> list[str]:
    """Where the retired API is used, a sentence each; a file that does not parse is one."""
    found: list[str] = []
    for place in _PLACES:
        for path in files_below(root / place, ".py"):
            try:
                module = ast.parse(path.read_bytes())
            except SyntaxError as error:
                found.append(f"{path.relative_to(root)}:{error.lineno}: does not parse: {error.msg}")
                continue
            found += [
                f"{path.relative_to(root)}:{line}: {name} is of the retired worker versioning; "
                "set a deployment version with WorkerDeploymentConfig"
                for line, name in _names(module)
                if name in RETIRED
            ]
    return found


def _names(module: ast.Module) -> list[tuple[int, str]]:
    names: list[tuple[int, str]] = []
    for node in ast.walk(module):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                names.append((node.lineno, name))
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name != _REPLACEMENT:
                names.extend((keyword.value.lineno, keyword.arg) for keyword in node.keywords if keyword.arg)
            case ast.ImportFrom(names=aliases):
                names.extend((node.lineno, alias.name) for alias in aliases)
            case _:
                pass
    return names
