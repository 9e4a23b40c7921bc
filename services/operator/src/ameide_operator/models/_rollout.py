"""How a new build of the worker becomes the one that workflows run on."""

from datetime import timedelta
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field

from ameide_operator.models._base import Model, list_by, refuse_unless

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours"}


class RolloutStep(Model):
    """A part of the traffic, and how long it stays at that."""

    percent: Annotated[int, Field(ge=1, le=99)]
    """New workflows, and tasks of workflows that upgrade by themselves, which the new build gets, in percent."""
    pause: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,4}[smh]$", max_length=6)]
    """How long before the next step, such as 30s, 10m or 1h."""

    @property
    def duration(self) -> timedelta:
        """The pause."""
        return timedelta(**{_UNITS[self.pause[-1]]: int(self.pause[:-1])})


class Rollout(Model):
    """Runs every build of the worker beside the others, as a version of a Temporal Worker Deployment."""

    model_config = ConfigDict(
        json_schema_extra=refuse_unless(
            ("(self.strategy == 'Steps') == has(self.steps)", "steps belong to strategy Steps, which needs them"),
            (
                "!has(self.steps) || self.steps.map(s, s.percent).isSorted()",
                "steps must be in the order of their percent, the smallest first",
            ),
        )
    )

    strategy: Literal["AllAtOnce", "Steps", "Manual"] = "AllAtOnce"
    """AllAtOnce: a new build becomes current as soon as its workers poll. Steps: it gets the percentages of steps, one
    after another, then becomes current. Manual: you make it current, with temporal worker deployment
    set-current-version. The first build of all becomes current by itself."""
    steps: (
        Annotated[list[RolloutStep], Field(min_length=1, max_length=16, json_schema_extra=list_by("percent"))] | None
    ) = None
    """Steps of strategy Steps."""
    build_id: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][-._:A-Za-z0-9]*$")] | None = (
        None
    )
    """Name of the build; another name is another build. Unset: the digest of image.worker."""
