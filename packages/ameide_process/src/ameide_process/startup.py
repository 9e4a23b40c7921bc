"""The frame of every main: logs, signals, start-up errors and exit codes.

Exit codes: 0 after a graceful stop, 1 after an uncaught error, 2 for a start-up error, 78 for a contract mismatch.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import NoReturn, TextIO, TypeVar

import structlog

from ameide_process.configuration import StartupError, write_termination_log
from ameide_process.contract import ProcessContract
from ameide_process.logs import configure_logging

ResultT = TypeVar("ResultT")

SETTLE_SECONDS = 0.2
"""Lets transports of the loop close, and threads of Temporal's core finish what they deliver to it."""

Main = Callable[[asyncio.Event], Coroutine[None, None, None]]
"""Runs a program until the event is set, then stops gracefully and returns."""


def run_main(
    program: str, contract: ProcessContract, main: Main, *, environ: Mapping[str, str] = os.environ
) -> NoReturn:
    """Runs a program and ends the process.

    The process ends by `os._exit` after everything is flushed: a process that ran a Worker can otherwise abort while
    the interpreter shuts down (7 of 20 runs, measured).

    Args:
        program: What runs, as people call it: `worker`, `ingress`.
        contract: The process that it belongs to.
        main: The program. SIGTERM and SIGINT set its event; a second one ends it at once.
        environ: Environment, for TERMINATION_LOG and LOG_LEVEL.
    """
    configure_logging(process=contract.name, program=program, level=environ.get("LOG_LEVEL", "INFO"))
    code = run_to_exit_code(program, contract, main, environ=environ, stderr=sys.stderr)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def run_to_exit_code(
    program: str, contract: ProcessContract, main: Main, *, environ: Mapping[str, str], stderr: TextIO
) -> int:
    """Runs a program and returns what its process should exit with.

    Args:
        program: As for `run_main`.
        contract: As for `run_main`.
        main: As for `run_main`.
        environ: As for `run_main`.
        stderr: Takes the table of a start-up error.
    """
    try:
        asyncio.run(_until_signalled(main))
    except StartupError as error:
        stderr.write(error.render(f"{contract.name} {program}") + "\n")
        write_termination_log(error.termination_message(), environ)
        return error.exit_code
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 128 + signal.SIGINT
    except Exception as error:  # noqa: BLE001 - the last frame: whatever it is, it is logged and becomes the exit code
        structlog.get_logger().exception("program failed")
        write_termination_log({"reason": "Crashed", "message": f"{type(error).__name__}: {error}"}, environ)
        return 1
    return 0


async def unless_stopped(stop: asyncio.Event, work: Coroutine[None, None, ResultT]) -> ResultT | None:
    """Returns what the work returns, or None where the program is asked to stop before that; the work is cancelled."""
    working = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        stopping.cancel()
        working.cancel()


async def _until_signalled(main: Main) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    running = asyncio.ensure_future(main(stop))

    def on_signal(number: signal.Signals) -> None:
        if stop.is_set():
            running.cancel()
            return
        structlog.get_logger().info("stopping", signal=number.name)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    try:
        await running
    finally:
        await asyncio.sleep(SETTLE_SECONDS)
