"""The frame of every main: arguments, logs, signals, start-up errors and exit codes.

Exit codes: 0 after a graceful stop, 1 after an uncaught error, 2 for a start-up error or an argument, 78 for a contract
mismatch.
"""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import NoReturn, TextIO, TypeVar

import structlog

from ameide_process.configuration import STARTUP_ERROR_EXIT_CODE, StartupError, help_of, write_termination_log
from ameide_process.contract import ProcessContract
from ameide_process.logs import configure_logging

ResultT = TypeVar("ResultT")

SETTLE_SECONDS = 0.2
"""Lets transports of the loop close, and threads of Temporal's core finish what they deliver to it."""

REPETITION_SECONDS = 1.0
"""A signal that is repeated so soon is the same one, delivered twice: `timeout` and `uv run` pass theirs on."""

STOP_DEADLINE_SECONDS = 60.0
"""A program that has not stopped by then never will; Kubernetes kills after 30 by default."""

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
        main: The program. SIGTERM and SIGINT set its event; one more, a second later, ends the process at once.
        environ: Environment, for TERMINATION_LOG and LOG_LEVEL.
    """
    refuse_arguments(contract, program, sys.argv[1:])
    configure_logging(process=contract.name, program=program, level=environ.get("LOG_LEVEL", "INFO"))
    # What is loaded stays: a collection that looks at all of it can be a tenth of a second, within a workflow task.
    gc.freeze()
    code = run_to_exit_code(program, contract, main, environ=environ, stderr=sys.stderr)
    _exit(code)


def refuse_arguments(contract: ProcessContract, program: str, arguments: Sequence[str]) -> None:
    """Returns where there are none, as programs are started that the environment tells everything.

    Args:
        contract: As for `run_main`.
        program: As for `run_main`.
        arguments: Of the command line, without the program.

    Raises:
        SystemExit: There are some. 0 after the text of `--help`, otherwise 2 after what is wrong.
    """
    if not arguments:
        return
    if {"--help", "-h"} & set(arguments):
        sys.stdout.write(help_of(contract.name, program))
        raise SystemExit(0)
    name = f"{contract.name}-{program}"
    sys.stderr.write(
        f"{name}: argument {arguments[0]!r} is not known; it takes none, the environment tells it everything: "
        f"see {name} --help\n"
    )
    raise SystemExit(STARTUP_ERROR_EXIT_CODE)


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
    signalled_at = 0.0

    def on_signal(number: signal.Signals) -> None:
        nonlocal signalled_at
        if not stop.is_set():
            signalled_at = loop.time()
            structlog.get_logger().info("stopping", signal=number.name)
            stop.set()
            loop.call_later(STOP_DEADLINE_SECONDS, _end_at_once, f"not stopped after {STOP_DEADLINE_SECONDS:.0f} s", 1)
        elif loop.time() - signalled_at > REPETITION_SECONDS:
            _end_at_once(f"{number.name} again", 128 + number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    try:
        await main(stop)
    finally:
        await asyncio.sleep(SETTLE_SECONDS)


def _end_at_once(why: str, code: int) -> NoReturn:
    """Ends the process without waiting for anything; what is in flight comes again."""
    structlog.get_logger().warning("ending at once", reason=why)
    _exit(code)


def _exit(code: int) -> NoReturn:
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
