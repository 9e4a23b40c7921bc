"""What an implementation of a generated process may do."""

from __future__ import annotations

import asyncio
import random
import re
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, final

from google.protobuf.timestamp_pb2 import Timestamp
from invoice_generated.contract import KIND
from invoice_generated.workflow import InvoiceProcess
from messages.invoice_pb2 import Start, State
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

from ameide_process.workflow import ProcessFailedError

from .amounts import rounded

if TYPE_CHECKING:
    import httpx

DUE = timedelta(days=14)
PATTERN = re.compile("x")


@final
class Invoice(InvoiceProcess):
    async def run(self, start: Start) -> None:
        self.state.due.FromDatetime(workflow.now() + DUE)
        for name, total in sorted(self.state.totals.items()):
            await self._settle(name, total)
        for line in self.state.lines:
            await self._settle(line, 1)
        "x" in self.state.totals, len(self.state.totals), self.state.totals["x"], self.state.totals.get("y")
        sum(self.state.totals.values()), max(self.state.totals.values(), default=0), any(self.state.totals)
        self.state.totals["z"] = 3
        await self.enter("waiting")
        paid = await self.until(lambda: self.state.lines, deadline=self.state.due)
        if not paid:
            raise ProcessFailedError("x")
        await asyncio.sleep(5)
        await workflow.sleep(timedelta(seconds=30))
        await self.activities.charge(State())
        random.Random(str(self.key)).random()
        uuid.uuid5(uuid.NAMESPACE_URL, "x")
        rounded(Decimal(1))

    async def on_paid(self, fact: State, meta: object) -> None:
        self.state.lines.append("x")
        for name in sorted(fact.totals):
            self.state.totals[name] += 1
        {key: value for key, value in sorted(fact.totals.items())}

    async def _settle(self, name: str, total: int) -> None:
        try:
            await self.activities.settle(State())
        except ActivityError as error:
            raise ApplicationError(str(error)) from error

    def summary(self) -> datetime:
        return self.state.due.ToDatetime(UTC)
