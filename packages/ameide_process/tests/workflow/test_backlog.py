"""Events pile up while no worker runs; the worker that comes works them off and does not choke."""

import pytest
from ameide_devstack import TemporalDevServer
from ameide_process.converter import DATA_CONVERTER
from ameide_process.workflow import _engine
from temporalio.api.common.v1 import Payload
from workflow_samples import ledger
from workflow_samples.workflow import logged
from workflow_stage import SampleWorkflow, Stage, end, padded, payment

SUGGESTED_NEVER = 100_000
"""Events of history, so that the number of signals alone makes a run continue as new."""


async def _pile(workflow: SampleWorkflow, *, signals: int, events: int) -> list[str]:
    names = [f"{signal}-{event}" for signal in range(signals) for event in range(events)]
    for first in range(0, len(names), events):
        await workflow.send(*(payment(name) for name in names[first : first + events]))
    return names


async def _worked_off(stage: Stage, workflow: SampleWorkflow, names: list[str]) -> None:
    async with stage.worker(ledger.PARTS):
        await workflow.send(end())
        await workflow.result()
        assert logged(await workflow.state()) == names
        assert (await workflow.progress()).counts.applied == len(names) + 1


@pytest.mark.timeout(600)  # 75,000 events, and a worker on a busy machine
async def test_75_000_events_do_not_exceed_the_deadlock_limit(stage: Stage) -> None:
    workflow = stage.workflow()
    for first in range(0, 75_000, 5_000):
        await stage.deliver(workflow.handle.id, [_small_event(number) for number in range(first, first + 5_000)])
    async with stage.worker(ledger.PARTS):
        await workflow.send(end())
        await workflow.result()
        assert (await workflow.progress()).counts.applied == 75_001
    assert stage.dead_letters == []


def _small_event(number: int) -> Payload:
    event = b'{"meta":{"idempotencyKey":"event-%d"},"paymentAuthorized":{"paymentId":"p"}}' % number
    return Payload(metadata={"encoding": b"json/protobuf"}, data=event)


async def test_more_signals_than_a_run_may_have_are_spread_over_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """An untuned server refuses the 10,001st signal of a run; here both limits are lower."""
    monkeypatch.setattr(_engine, "SIGNALS_PER_RUN", 200)
    settings = {"limit.historyCount.suggestContinueAsNew": SUGGESTED_NEVER, "history.maximumSignalsPerExecution": 250}
    async with TemporalDevServer(dynamic_config=settings) as server:
        stage = Stage(await server.connect(data_converter=DATA_CONVERTER))
        workflow = stage.workflow()
        names = await _pile(workflow, signals=230, events=1)
        async with stage.worker(ledger.PARTS):
            await workflow.continued()
            names += await _pile(workflow, signals=100, events=1)
            await workflow.send(end())
            await workflow.result()
            assert logged(await workflow.state()) == names
        await stage.close()


async def test_the_largest_events_are_handled_a_few_at_a_time(stage: Stage) -> None:
    workflow = stage.workflow()
    for name in "abcdef":
        await workflow.send(padded(name, 1_900_000))
    await _worked_off(stage, workflow, list("abcdef"))
