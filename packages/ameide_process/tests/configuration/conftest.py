"""This folder is on the path for the modules that its tests share."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from two_subscriptions import OUTPUTS, SUBSCRIPTIONS


@pytest.fixture
def environ(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Makes the variables of a program, and the files that they name."""

    def make(
        subscriptions: object = SUBSCRIPTIONS, outputs: object = OUTPUTS, **variables: str | None
    ) -> dict[str, str]:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        ingress, output = folder / "ingress.yaml", folder / "outputs.yaml"
        ingress.write_text(subscriptions if isinstance(subscriptions, str) else json.dumps(subscriptions))
        output.write_text(outputs if isinstance(outputs, str) else json.dumps(outputs))
        merged = {
            "TEMPORAL_ADDRESS": "temporal:7233",
            "INGRESS_CONFIG": str(ingress),
            "OUTPUT_CONFIG": str(output),
            **variables,
        }
        return {name: value for name, value in merged.items() if value is not None}

    return make
