"""The sample resource that the generator writes for a process is one that the operator takes."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from ameide_operator.models import ProcessSpec
from ameide_operator.planning import Observed, Owner, plan_children

ROOT = Path(__file__).parents[4]
GENERATED = sorted((ROOT / "build/generated/process").glob("*/pyproject.toml"))
GOLDENS = sorted((ROOT / "packages/protoc_gen_process/tests/goldens").glob("*/expected/**/process.yaml"))
SAMPLES = [*(path.with_name("process.yaml") for path in GENERATED), *GOLDENS]


def identifier(path: Path) -> str:
    return path.parent.name


@pytest.mark.parametrize("path", SAMPLES, ids=identifier)
def test_sample_has_a_plan(path: Path):
    sample = yaml.safe_load(path.read_text())
    spec = ProcessSpec.model_validate(sample["spec"])
    assert spec.model_dump(by_alias=True, exclude_unset=True) == sample["spec"], "every field is known"
    plan = plan_children(spec, Owner("default", sample["metadata"]["name"], "uid"), Observed())
    assert [child.key.name for child in plan.apply if child.key.kind == "Deployment"]


@pytest.mark.e2e
@pytest.mark.parametrize("path", SAMPLES, ids=identifier)
def test_sample_is_taken_by_the_api_server(path: Path, kubectl: Callable[..., subprocess.CompletedProcess[str]]):
    created = kubectl("create", "--dry-run=server", "--validate=strict", "-f", str(path))
    assert created.returncode == 0, created.stderr


def test_samples_of_every_transport_are_looked_at():
    assert len(GENERATED) >= 1
    kinds = {line.strip() for path in SAMPLES for line in path.read_text().splitlines()}
    assert {"kind: kafka", "kind: nats", "kind: http"} <= kinds
