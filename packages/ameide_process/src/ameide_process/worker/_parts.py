"""What a worker consists of, and whether a person wrote all of it."""

import inspect
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ameide_process.configuration import Problem, StartupError
from ameide_process.contract import ProcessContract
from ameide_process.workflow import Process, ProcessDefinition, ProcessWorkflow


@dataclass(frozen=True)
class WorkerParts:
    """The generated and the human halves of a process, as the generated worker main names them."""

    definition: ProcessDefinition
    workflow: type[ProcessWorkflow]
    """The generated workflow class."""
    process: type[Process[Any, Any, Any]]
    """The impl of the workflow."""
    activities: type[Any] | None = None
    """The impl of the activities; None for a process without."""
    registrations: Callable[[Any], Sequence[Callable[..., Any]]] | None = None
    """From an instance of `activities` to the functions that the worker registers."""


def load_parts(contract: ProcessContract, parts: Callable[[], WorkerParts]) -> WorkerParts:
    """Imports the impl and checks that it is complete.

    Raises:
        StartupError: The impl does not import, or methods are missing; all of them are listed.
    """
    try:
        loaded = parts()
    except (ImportError, AttributeError, SyntaxError) as error:
        raise StartupError([_import_problem(contract, error)]) from error
    problems = [*_missing(loaded.process)]
    if loaded.activities is not None:
        problems += _missing(loaded.activities)
    if problems:
        raise StartupError(problems)
    return loaded


def _missing(impl: type[Any]) -> list[Problem]:
    """The methods that the abstract class demands and the impl does not have."""
    missing = sorted(getattr(impl, "__abstractmethods__", ()))
    module = inspect.getsourcefile(impl) or impl.__module__
    return [
        Problem(
            f"{impl.__name__}.{name}",
            "is missing",
            f"add to {_short(module)}: async def {name}{_signature(getattr(impl, name))}",
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
    return getattr(annotation, "__name__", annotation)


def _import_problem(contract: ProcessContract, error: Exception) -> Problem:
    package = contract.name.replace("-", "_")
    if isinstance(error, ModuleNotFoundError) and error.name and error.name.partition(".")[0] == package:
        return Problem(
            error.name,
            "does not exist",
            f"write it under primitives/process/{contract.name}/src; `nox -s new -- {contract.name}` writes stubs",
        )
    if isinstance(error, SyntaxError):
        return Problem(f"{_short(error.filename or package)}:{error.lineno}", "does not parse", error.msg)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    return Problem(f"{_short(frames[-1].filename)}:{frames[-1].lineno}", "does not import", str(error))


def _short(path: str) -> str:
    """The path from the working directory, where it lies below it."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path
