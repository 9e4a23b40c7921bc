"""What a program that cannot start says is wrong."""

from collections.abc import Callable
from typing import Any

import pytest
from ameide_process.configuration import Problem, StartupError


def problems_of(load: Callable[..., object], *arguments: Any, **variables: str) -> list[Problem]:
    with pytest.raises(StartupError) as caught:
        load(*arguments, **variables)
    return list(caught.value.problems)
