"""Whether a person wrote all that a worker consists of."""

import inspect
import re
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from ameide_process.configuration import Problem, StartupError
from ameide_process.contract import ProcessContract
from ameide_process.worker_parts import WorkerParts
from ameide_process.workflow import Process

_WANTED_NAME = re.compile(r"cannot import name '(\w+)'")
"""Python's own message; the error has the name as an attribute from 3.12 on."""


def load_parts(contract: ProcessContract, parts: Callable[[], WorkerParts]) -> WorkerParts:
    """Imports the impl and checks that it is complete.

    Raises:
        StartupError: The impl does not import, or methods are missing; all of them are listed.
    """
    try:
        loaded = parts()
    except Exception as error:
        raise StartupError([_import_problem(contract, error)]) from error
    problems = _process_problems(contract, loaded)
    if loaded.activities is not None:
        problems += [*_missing(loaded.activities), *_not_async(loaded.activities, _declared(loaded.activities))]
    if problems:
        raise StartupError(problems)
    return loaded


def _process_problems(contract: ProcessContract, parts: WorkerParts) -> list[Problem]:
    process = cast("type[Any]", parts.process)
    # Its base is what the type checker proves, and start-up proves it for those who do not run one.
    if Process not in process.__mro__:
        generated = parts.workflow.__module__.rpartition(".")[0]
        advice = f"derive it from {process.__name__}Process of {generated}.workflow"
        return [Problem(f"{_place(process)}: {process.__name__}", "is no process", advice)]
    return [*_missing(process), *_not_async(process, ["run", *(case.handler for case in contract.cases)])]


def _declared(impl: type[Any]) -> list[str]:
    """The methods that the generated base classes demand."""
    bases = impl.__mro__[1:]
    return sorted({name for base in bases for name in getattr(base, "__abstractmethods__", ())})


def _not_async(impl: type[Any], names: list[str]) -> list[Problem]:
    """The methods that are there and are no coroutine functions."""
    return [
        Problem(f"{impl.__name__}.{name}", "is not async", f"write in {_place(impl)}: async def {name}")
        for name in names
        if name not in getattr(impl, "__abstractmethods__", ())
        and not inspect.iscoroutinefunction(getattr(impl, name, None))
    ]


def _missing(impl: type[Any]) -> list[Problem]:
    """The methods that the abstract class demands and the impl does not have."""
    missing = sorted(getattr(impl, "__abstractmethods__", ()))
    return [
        Problem(
            f"{impl.__name__}.{name}",
            "is missing",
            f"add to {_place(impl)}: async def {name}{_signature(getattr(impl, name))}",
        )
        for name in missing
    ]


def _signature(method: Callable[..., Any]) -> str:
    """The signature as a person writes it, with the short names of the types."""
    signature = inspect.signature(method)
    parameters = [
        parameter.replace(annotation=_type_name(parameter.annotation)) for parameter in signature.parameters.values()
    ]
    text = str(signature.replace(parameters=parameters, return_annotation=_type_name(signature.return_annotation)))
    return text.replace("'", "")


def _type_name(annotation: Any) -> Any:
    if annotation is inspect.Parameter.empty:
        return annotation
    return getattr(annotation, "__name__", annotation)


def _import_problem(contract: ProcessContract, error: Exception) -> Problem:
    package = contract.name.replace("-", "_")
    if isinstance(error, ModuleNotFoundError) and error.name and error.name.partition(".")[0] == package:
        return Problem(
            error.name,
            "does not exist",
            f"write it under primitives/process/{contract.name}/src; `uvx nox -s new -- {contract.name}` writes stubs",
        )
    if isinstance(error, SyntaxError):
        return Problem(f"{_short(error.filename or package)}:{error.lineno}", "does not parse", error.msg)
    wanted = _WANTED_NAME.match(str(error))
    if isinstance(error, ImportError) and wanted and error.path and (error.name or "").partition(".")[0] == package:
        # The generated code asks for the class by its name; what must change is the impl.
        return Problem(_short(error.path), f"has no {wanted[1]}", f"define class {wanted[1]} there")
    frame = _culprit(package, error)
    return Problem(f"{_short(frame.filename)}:{frame.lineno}", "does not import", f"{type(error).__name__}: {error}")


def _culprit(package: str, error: Exception) -> traceback.FrameSummary:
    """The innermost line of the impl on the way to the error; where there is none, the innermost line of all."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    return next((frame for frame in reversed(frames) if Path(frame.filename).parent.name == package), frames[-1])


def _place(impl: type[Any]) -> str:
    """The file of a class."""
    return _short(inspect.getsourcefile(impl) or impl.__module__)


def _short(path: str) -> str:
    """The path from the working directory, where it lies below it."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path
