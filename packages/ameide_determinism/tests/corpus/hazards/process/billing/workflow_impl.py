import asyncio
import os  # expect: import-policy
import random
from datetime import timedelta

import httpx  # expect: import-policy
from billing_generated.workflow import BillingProcess
from billing_generated.worker import main  # expect: import-policy
from google.protobuf.timestamp_pb2 import Timestamp
from messages.billing_pb2 import Start, State
from temporalio import workflow
from temporalio.client import Client  # expect: import-policy

from billing.rules import charge
from billing.stock import count


class Billing(BillingProcess):
    async def run(self, start: Start) -> None:
        for name in self.state.totals:  # expect: protobuf-map-order
            await workflow.sleep(1)
        for name, total in self.state.totals.items():  # expect: protobuf-map-order
            await workflow.sleep(1)
        list(self.state.inner.names.values())  # expect: protobuf-map-order
        await asyncio.sleep(3600)  # expect: entity-sleep
        await workflow.sleep(timedelta(days=1))  # expect: entity-sleep
        await self._wait()
        await count(await self.activities.stock())

    async def on_paid(self, fact: State, meta: object) -> None:
        for name in fact.totals.keys():  # expect: protobuf-map-order
            random.random()  # expect: randomness
        charge()
        workflow.continue_as_new()  # expect: continue-as-new-in-handler

    async def _wait(self):
        await workflow.sleep(3600)  # expect: entity-sleep
