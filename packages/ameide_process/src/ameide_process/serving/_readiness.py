"""What must hold for a program to be ready, each part said by the component that knows it."""

from dataclasses import dataclass

STARTING = "starting"


@dataclass(frozen=True, slots=True)
class CheckStatus:
    """One check as `/readyz` shows it."""

    name: str
    ok: bool
    reason: str
    """Why it fails; of a passing check a warning, or empty."""


class Check:
    """A named condition; failing until its component says otherwise."""

    def __init__(self, name: str) -> None:
        self._status = CheckStatus(name, ok=False, reason=STARTING)

    @property
    def status(self) -> CheckStatus:
        """What the component said last."""
        return self._status

    def passed(self, warning: str = "") -> None:
        """Says that the condition holds.

        Args:
            warning: What should be looked at although it holds.
        """
        if not self._status.ok or self._status.reason != warning:
            self._status = CheckStatus(self._status.name, ok=True, reason=warning)

    def failed(self, reason: str) -> None:
        """Says that the condition does not hold, and what to do about it."""
        if self._status.ok or self._status.reason != reason:
            self._status = CheckStatus(self._status.name, ok=False, reason=reason)


class Readiness:
    """The checks of a program. It is ready when it has some and all of them pass."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    def add(self, name: str) -> Check:
        """Registers a check and returns it to the component that will say how it stands.

        Raises:
            ValueError: The name is taken.
        """
        if name in self._checks:
            raise ValueError(f"check {name!r} is registered already")
        check = Check(name)
        self._checks[name] = check
        return check

    def statuses(self) -> tuple[CheckStatus, ...]:
        """Returns every check, in the order of registration."""
        return tuple(check.status for check in self._checks.values())

    @property
    def ready(self) -> bool:
        """Whether there are checks and all of them pass."""
        return bool(self._checks) and all(check.status.ok for check in self._checks.values())
