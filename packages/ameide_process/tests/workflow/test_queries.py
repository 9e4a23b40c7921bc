"""Queries answer while the process runs and after it ended."""

import asyncio
from datetime import timedelta

import pytest
from ameide_core_proto.process.v1.process_runtime_pb2 import DedupeAnswer, DedupeQuery, EventIdentity
from ameide_devstack import TimeSkippingServer
from ameide_process.converter import DATA_CONVERTER
from ameide_process.testing import _workflow_under_test
from temporalio.client import WorkflowFailureError
from workflow_samples import ledger, request
from workflow_samples.workflow import logged
from workflow_stage import SampleWorkflow, Stage, end, payment


async def _dedupe(workflow: SampleWorkflow, *events: tuple[str, str]) -> DedupeAnswer:
    query = DedupeQuery(events=[EventIdentity(idempotency_key=key, payload_case=case) for key, case in events])
    return await workflow.handle.query("dedupe", query, result_type=DedupeAnswer)


@pytest.mark.parametrize("outcome", ["", "fail"])
async def test_a_closed_process_answers_like_a_running_one(stage: Stage, outcome: str) -> None:
    workflow = stage.workflow()
    asked = [("event-a", "payment_authorized"), ("event-a", "order_placed"), ("event-b", "payment_authorized")]
    async with stage.worker(ledger.PARTS):
        await workflow.send(payment("a"), idempotency_key="event-a")
        await workflow.reached("open")
        answer = await _dedupe(workflow, *asked)
        assert (list(answer.applied), answer.remembered, answer.window) == ([True, False, False], 1, 4096)
        await workflow.send(end(outcome))
        if outcome:
            with pytest.raises(WorkflowFailureError):
                await workflow.result()
        else:
            await workflow.result()
    async with stage.worker(ledger.PARTS):  # with an empty cache
        assert list((await _dedupe(workflow, *asked)).applied) == [True, False, False]
        progress = await workflow.progress()
        assert (progress.process_name, progress.phase, progress.seq, progress.pending) == ("sample", "closed", 2, 0)
        assert logged(await workflow.state()) == ["a"]


async def test_the_messages_of_a_transaction_share_a_key_and_are_told_apart_by_case(stage: Stage) -> None:
    workflow = stage.workflow()
    async with stage.worker(request.PARTS):
        await workflow.send(payment("a"), payment("a"), idempotency_key="request-1")
        await workflow.continue_as_new()  # which a TRANSACTION does not do
        counts = await workflow.handled(2)
        assert (counts.applied, counts.duplicates) == (1, 1)
        await workflow.send(end(), idempotency_key="request-1")
        await workflow.result()
        progress = await workflow.progress()
        assert (progress.run_epoch, progress.counts.applied) == (0, 2)


async def test_a_test_gets_its_answer_although_the_run_that_it_asks_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time-skipping server leaves such a query without answer; nearly every second of these runs meets one."""
    monkeypatch.setattr(_workflow_under_test, "QUERY_TIMEOUT", timedelta(seconds=1))
    async with (
        TimeSkippingServer() as server,
        await server.open_environment(data_converter=DATA_CONVERTER) as environment,
    ):
        stage = Stage(environment.client)
        workflow = stage.workflow()
        async with stage.worker(ledger.PARTS):
            await workflow.send(payment("a"))
            # A run that is asked to leave before it has handled an event takes the event along.
            await workflow.handled(1)
            for number in range(1, 11):
                asked = [asyncio.create_task(workflow.progress()) for _ in range(4)]
                await workflow.continue_as_new()
                asked += [asyncio.create_task(workflow.progress()) for _ in range(4)]
                assert {answer.counts.applied for answer in await asyncio.gather(*asked)} == {1}
                # That server refuses a signal which meets the end of a run.
                await workflow.continued(number)
            await workflow.send(end())
            await workflow.result()
