"""How a team hears of its sprint.

This example has no chat to write to: it logs what it would write. A chat would be given the idempotency key, so that a
repeated attempt does not write twice.
"""

from typing import final

import structlog
from ameide_core_proto.sprints.timebox.v1.sprint_timebox_pb2 import (
    NotifyDailyWindowOpenedRequest,
    NotifyDailyWindowOpenedResponse,
    NotifyEndingSoonRequest,
    NotifyEndingSoonResponse,
    NotifySprintStartedRequest,
    NotifySprintStartedResponse,
    PublishReportRequest,
    PublishReportResponse,
    SprintOutcome,
    SprintReport,
)
from sprint_timebox_generated.activities import SprintTimeboxActivities

_log = structlog.get_logger()


@final
class SprintTimeboxActivitiesImpl(SprintTimeboxActivities):
    """Logs the notices."""

    async def notify_sprint_started(
        self, request: NotifySprintStartedRequest, *, idempotency_key: str
    ) -> NotifySprintStartedResponse:
        """Tells the team that the sprint has started."""
        await _log.ainfo(
            "sprint started", team=request.plan.team, goal=request.plan.goal, summary=_summary(request.report)
        )
        return NotifySprintStartedResponse()

    async def notify_daily_window_opened(
        self, request: NotifyDailyWindowOpenedRequest, *, idempotency_key: str
    ) -> NotifyDailyWindowOpenedResponse:
        """Tells the team that the daily window is open, and where the sprint stands."""
        await _log.ainfo(
            "daily window opened",
            team=request.team,
            closes_at=request.closes_at.ToJsonString(),
            summary=_summary(request.report),
        )
        return NotifyDailyWindowOpenedResponse()

    async def notify_ending_soon(
        self, request: NotifyEndingSoonRequest, *, idempotency_key: str
    ) -> NotifyEndingSoonResponse:
        """Tells the team that the end is near."""
        await _log.ainfo(
            "sprint ends soon",
            team=request.team,
            ends_at=request.ends_at.ToJsonString(),
            summary=_summary(request.report),
        )
        return NotifyEndingSoonResponse()

    async def publish_report(self, request: PublishReportRequest, *, idempotency_key: str) -> PublishReportResponse:
        """Publishes the report of a sprint that ended."""
        await _log.ainfo(
            "sprint ended",
            team=request.team,
            outcome=SprintOutcome.Name(request.outcome),
            reason=request.reason,
            summary=_summary(request.report),
        )
        return PublishReportResponse()


def _summary(report: SprintReport) -> str:
    return (
        f"{report.completed_items} of {report.committed_items} items done, "
        f"{report.completed_points} of {report.committed_points} points"
    )
