"""The health that Argo CD shows for a Process."""

from pathlib import Path
from typing import Any

import pytest
from lupa import LuaRuntime

SCRIPT = (Path(__file__).parents[1] / "argocd" / "health.lua").read_text()


def health(conditions: dict[str, str] | None, *, observed: int = 2) -> tuple[str, str]:
    """What the script says of a resource whose conditions have these statuses."""
    lua: Any = LuaRuntime(unpack_returned_tuples=False)
    resource: dict[str, Any] = {"metadata": {"generation": 2}}
    if conditions is not None:
        each = [{"type": name, "status": status, "message": f"{name} says"} for name, status in conditions.items()]
        resource["status"] = {"observedGeneration": observed, "conditions": each}
    lua.globals().obj = lua.table_from(resource, recursive=True)
    answer = lua.execute(SCRIPT)
    return answer.status, answer.message


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"Ready": "True"}, ("Healthy", "Ready says")),
        ({"Ready": "False", "Stalled": "True"}, ("Degraded", "Stalled says")),
        ({"Ready": "False", "Reconciling": "True"}, ("Progressing", "Ready says")),
        ({}, ("Progressing", "the operator has not judged it yet")),
    ],
)
def test_conditions_decide(conditions: dict[str, str], expected: tuple[str, str]):
    assert health(conditions) == expected


def test_an_old_judgement_is_none():
    assert health({"Ready": "True"}, observed=1)[0] == "Progressing"
    assert health(None)[0] == "Progressing"
