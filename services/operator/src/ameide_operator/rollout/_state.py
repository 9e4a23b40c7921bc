"""What a rollout is planned from, and how it stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Literal

from ameide_operator.models import RolloutStep


@dataclass(frozen=True, slots=True)
class Intent:
    """What a resource wants of its Worker Deployment."""

    deployment: str
    """Name of the Worker Deployment."""
    build_id: str
    """The build that should become current."""
    strategy: Literal["AllAtOnce", "Steps", "Manual"] = "AllAtOnce"
    steps: tuple[RolloutStep, ...] = ()
    namespace: str = "default"
    """Of Temporal, for messages."""


class Phase(Enum):
    """How Temporal treats a build."""

    INACTIVE = "inactive"
    """It never got work."""
    CURRENT = "current"
    RAMPING = "ramping"
    DRAINING = "draining"
    """Open workflows stay with it."""
    DRAINED = "drained"


@dataclass(frozen=True, slots=True)
class Seen:
    """A Worker Deployment, as Temporal has it."""

    current: str = ""
    """Build that gets new work; empty: unversioned workers do."""
    ramping: str = ""
    """Build that gets a part of it; empty: none."""
    percent: float = 0
    """That part."""
    percent_since: datetime | None = None
    """Since when."""
    versions: Mapping[str, Phase] = field(default_factory=dict[str, Phase])
    """Every build whose workers were seen."""
    created: Mapping[str, datetime] = field(default_factory=dict[str, datetime], compare=False, repr=False)
    """When the workers of each build were seen first."""
    manager: str = ""
    """Who alone may change it; empty: everybody."""
    token: bytes = field(default=b"", compare=False, repr=False)
    """Names this state: a change that brings another is refused."""

    def draining(self) -> list[str]:
        """Builds that get nothing new and have open workflows, by name."""
        return sorted(build for build, phase in self.versions.items() if phase is Phase.DRAINING)


class Stage(Enum):
    """How far a rollout is."""

    DONE = "done"
    MOVING = "moving"
    WAITING_FOR_POLLERS = "waiting for pollers"
    PAUSED = "paused"
    BY_HAND = "by hand"
    MANAGED_BY_ANOTHER = "managed by another"
    LIMIT_REACHED = "limit reached"
    REFUSED = "refused"
    UNANSWERED = "unanswered"
    """Temporal was away, or asked too often: what was seen before it still holds."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rollout is, and what it waits for."""

    stage: Stage
    message: str


@dataclass(frozen=True, slots=True)
class RolloutView:
    """What was seen last, and of which intent."""

    intent: Intent
    seen: Seen | None
    """None: Temporal has no such Worker Deployment, or did not say."""
    progress: Progress

    def phase(self, build_id: str) -> Phase | None:
        """How Temporal treats a build; None: it does not know it."""
        return self.seen.versions.get(build_id) if self.seen else None
