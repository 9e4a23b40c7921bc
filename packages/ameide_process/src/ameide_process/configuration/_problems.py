"""What keeps a program from starting: collected first, reported together, once.

A person who repairs a deployment sees the whole list, not the first entry of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

CONTRACT_MISMATCH_EXIT_CODE = 78
"""EX_CONFIG of sysexits.h: the binary and its deployment name different processes."""

STARTUP_ERROR_EXIT_CODE = 2
"""Any other start-up error; 1 stays with uncaught exceptions."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is missing or wrong."""

    name: str
    """Environment variable, or file variable and path of the setting: `INGRESS_CONFIG orders-facts.topic`."""
    value: str
    """What stands there now, never a secret: a value, `is not set`, `is missing`."""
    advice: str
    """What to write instead."""


class StartupError(Exception):
    """The program cannot start; nothing was connected yet.

    Attributes:
        problems: All that is wrong, in the order of the check.
        exit_code: What the process exits with.
    """

    exit_code: int = STARTUP_ERROR_EXIT_CODE

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{each.name} {each.value}: {each.advice}" for each in problems))
        self.problems = tuple(problems)

    def render(self, program: str) -> str:
        """Renders the problems as an aligned table for people.

        Args:
            program: What cannot start, as people call it: `order-fulfillment worker`.
        """
        name_width = max((len(each.name) for each in self.problems), default=0)
        value_width = max((len(each.value) for each in self.problems), default=0)
        lines = [f"{program} cannot start:"]
        lines += [
            f"  {each.name:<{name_width}}   {each.value:<{value_width}}   {each.advice}".rstrip()
            for each in self.problems
        ]
        return "\n".join(lines)

    def termination_message(self) -> dict[str, Any]:
        """Returns what the termination log says of it, for the operator."""
        return {
            "reason": "InvalidConfiguration",
            "problems": [{"name": each.name, "value": each.value, "advice": each.advice} for each in self.problems],
        }


class ContractMismatchError(StartupError):
    """The deployment declares another process, or another api major, than the binary implements.

    Attributes:
        expected: Process name and api major that the deployment declares.
        actual: Process name and api major of the binary.
    """

    exit_code = CONTRACT_MISMATCH_EXIT_CODE

    def __init__(self, problems: Sequence[Problem], *, expected: dict[str, Any], actual: dict[str, Any]) -> None:
        super().__init__(problems)
        self.expected = expected
        self.actual = actual

    def termination_message(self) -> dict[str, Any]:
        """Returns what the operator turns into the condition reason ContractMismatch."""
        return {"reason": "ContractMismatch", "expected": self.expected, "actual": self.actual}


class ProblemList:
    """Collects problems while the configuration is read."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []

    @property
    def count(self) -> int:
        """Problems so far, so that a step can tell whether it added one."""
        return len(self._problems)

    def add(self, name: str, value: str, advice: str) -> None:
        """Adds one problem."""
        self._problems.append(Problem(name, value, advice))

    def raise_if_any(self) -> None:
        """Ends the collection.

        Raises:
            StartupError: At least one problem was added.
        """
        if self._problems:
            raise StartupError(self._problems)
