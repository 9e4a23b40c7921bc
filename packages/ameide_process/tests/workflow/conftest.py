"""Servers and stages of the workflow tests.

The sandbox imports workflows by name, so this folder is put on the path for `workflow_samples`.
"""

import gc
import importlib
import itertools
import sys
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from ameide_devstack import TemporalDevServer
from ameide_process.converter import DATA_CONVERTER
from ameide_process.testing import run_histories
from temporalio.client import Client, WorkflowHistory

sys.path.insert(0, str(Path(__file__).parent))

from replay_stage import Edited, Recorded
from workflow_samples import dispatcher, ledger, older
from workflow_stage import Stage, end, payment, shipment

SOURCE = Path(dispatcher.__file__).read_text()

_numbers = itertools.count(1)

EAGER_SUGGESTION = 120
"""Events of history after which the eager server suggests to continue as new; the default is 4,096."""


@pytest.fixture(autouse=True, scope="session")
def what_is_loaded_stays() -> None:
    """As in a worker program: else collections of this large process last until the SDK takes workflows for dead."""
    gc.freeze()


@pytest_asyncio.fixture(scope="session")
async def client() -> AsyncGenerator[Client]:
    """Client of a dev server with Temporal's own settings."""
    async with TemporalDevServer() as server:
        yield await server.connect(data_converter=DATA_CONVERTER)


@pytest_asyncio.fixture(scope="session")
async def eager_client() -> AsyncGenerator[Client]:
    """Client of a dev server that suggests to continue as new early."""
    settings = {
        "limit.historyCount.suggestContinueAsNew": EAGER_SUGGESTION,
        # Else the server lets a run begin a second after the one before it at the earliest.
        "history.continueAsNewMinInterval": "0s",
    }
    async with TemporalDevServer(dynamic_config=settings) as server:
        yield await server.connect(data_converter=DATA_CONVERTER)


@pytest_asyncio.fixture
async def stage(client: Client) -> AsyncGenerator[Stage]:
    """A stage on the dev server; in the end, every history that it made is replayed."""
    stage = Stage(client)
    yield stage
    await stage.close()


@pytest_asyncio.fixture
async def eager_stage(eager_client: Client) -> AsyncGenerator[Stage]:
    """The same where Continue-As-New is suggested early."""
    stage = Stage(eager_client)
    yield stage
    await stage.close()


@pytest.fixture
def edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Edited]:
    """Edits the dispatcher: pairs of texts, each replaced by the next."""

    def edit(*pairs: tuple[str, str]) -> Edited:
        source = SOURCE
        for old, new in pairs:
            assert old in source
            source = source.replace(old, new)
        name = f"dispatcher_{next(_numbers)}"
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"{name}.py").write_text(source)
        monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
        parts = importlib.import_module(name).PARTS
        return Edited(folder / f"{name}.py", parts, f"{name}:PARTS")

    return edit


@pytest_asyncio.fixture(scope="session")
async def recorded(client: Client) -> Recorded:
    """What the dev server records of the sample processes."""
    stage = Stage(client)
    dispatched, chained, unknown, terminated = (stage.workflow() for _ in range(4))
    async with stage.worker(dispatcher.PARTS):
        await dispatched.send(payment("a"))
        await dispatched.reached("waiting")
        await dispatched.send(end("done"))
        await dispatched.result()
        await terminated.send(payment("a"))
        await terminated.reached("waiting")
        await terminated.handle.terminate()
    async with stage.worker(older.PARTS):
        await unknown.send(shipment("b"), end())
        await unknown.result()
    async with stage.worker(ledger.PARTS):
        await chained.send(payment("a"))
        await chained.handled(1)
        await chained.continue_as_new()
        await chained.continued(1)
        await chained.send(end("done"))
        await chained.result()

    async def runs(workflow_id: str) -> list[WorkflowHistory]:
        return await run_histories(stage.client, workflow_id)

    return Recorded(
        (await runs(dispatched.handle.id))[0],
        await runs(chained.handle.id),
        (await runs(unknown.handle.id))[0],
        (await runs(terminated.handle.id))[0],
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for histories."""
    (tmp_path / "histories").mkdir()
    return tmp_path / "histories"
