"""Fixtures of the generator's tests."""

import shutil
from pathlib import Path

import pytest
from protoc_gen_process.testing import ProtoImage

TESTS = Path(__file__).parent
OPTION_PROTOS = TESTS.parents[1] / "ameide_core_proto" / "src"


@pytest.fixture(scope="session")
def option_protos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of the option language's sources, without the processes that stand beside it."""
    root = tmp_path_factory.mktemp("options")
    for folder in ("common", "process"):
        shutil.copytree(OPTION_PROTOS / "ameide_core_proto" / folder, root / "ameide_core_proto" / folder)
    return root


@pytest.fixture(scope="session")
def diagnostics_image() -> ProtoImage:
    """All cases of `tests/diagnostics`, compiled."""
    return ProtoImage.build(OPTION_PROTOS, TESTS / "diagnostics")
