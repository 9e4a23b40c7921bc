"""Whether a stream is there, said before the first record needs it."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from typing import NoReturn, Protocol

import structlog

from ameide_process.outputs._output import OutputError
from ameide_process.serving import Check

LOOK_INTERVAL = 5.0
"""Seconds between two looks at a stream that is there."""

IMPATIENT_INTERVAL = 1.0
"""Seconds between two looks at a stream that is not."""

_logger = structlog.get_logger(__name__)


class Publisher(Protocol):
    """Writes to one output; compared by identity."""

    async def look(self) -> None:
        """Asks the output whether it is there.

        Raises:
            OutputError: It is not.
        """
        ...


@contextlib.asynccontextmanager
async def watched_outputs(outputs: Mapping[Publisher, Check], *, required: bool = True) -> AsyncGenerator[None]:
    """Keeps each output's check true to its stream while the block runs.

    Args:
        outputs: Each with its check.
        required: Whether the program is unready without them; otherwise the check passes with a warning
            (`ameide_readiness_warning`).
    """
    watching = [asyncio.create_task(_watch(output, check, required=required)) for output, check in outputs.items()]
    try:
        yield
    finally:
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)


async def _watch(output: Publisher, check: Check, *, required: bool) -> NoReturn:
    while True:
        try:
            await output.look()
        except OutputError as error:
            if check.status.reason != str(error):
                _logger.warning("output not usable", reason=str(error))
            if required:
                check.failed(str(error))
            else:
                check.passed(str(error))
        else:
            check.passed()
        await asyncio.sleep(IMPATIENT_INTERVAL if check.status.reason else LOOK_INTERVAL)
