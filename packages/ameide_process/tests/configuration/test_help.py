"""`--help` lists what is read."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from ameide_process.configuration import help_of, load_ingress_configuration, load_worker_configuration
from two_subscriptions import CONTRACT


class Asked(dict[str, str]):
    """Variables, and the names of those that were asked for."""

    names: set[str]

    def get(self, key: str, default: Any = None) -> Any:
        self.names.add(key)
        return super().get(key, default)


@pytest.mark.parametrize(
    ("program", "load"), [("worker", load_worker_configuration), ("ingress", load_ingress_configuration)]
)
def test_help_lists_every_variable_that_is_read(
    environ: Callable[..., dict[str, str]], program: str, load: Callable[..., object]
):
    asked = Asked(environ())
    asked.names = set()
    load(CONTRACT, asked)
    listed = help_of("p", program)
    assert max(map(len, listed.splitlines())) <= 100
    # What begins as a family does: TEMPORAL_WORKER_*.
    names = re.findall(r"\b[A-Z][A-Z_]+[A-Z]\b", listed)
    families = tuple(re.findall(r"\b([A-Z_]+_)\*", listed))
    assert {name for name in asked.names if name not in names and not name.startswith(families)} == set()
    assert "PORT_HTTP" in asked.names & set(names)
