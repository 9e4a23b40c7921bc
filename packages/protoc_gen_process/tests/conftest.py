"""Fixtures of the generator's tests."""

from pathlib import Path

import pytest
from protoc_gen_process.testing import ProtoImage

TESTS = Path(__file__).parent
OPTION_PROTOS = TESTS.parents[1] / "ameide_core_proto" / "src"


@pytest.fixture(scope="session")
def option_protos() -> Path:
    """Root of the option language's sources."""
    return OPTION_PROTOS


@pytest.fixture(scope="session")
def diagnostics_image() -> ProtoImage:
    """All cases of `tests/diagnostics`, compiled."""
    return ProtoImage.build(OPTION_PROTOS, TESTS / "diagnostics")
