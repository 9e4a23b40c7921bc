"""Types of a proto never take a name that generated modules use for something else."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from protoc_gen_process.render.type_names import RESERVED_NAMES

GOLDENS = Path(__file__).parent / "goldens"
MODULES = sorted(GOLDENS.glob("*/expected/**/*.py"))


def _own_names(tree: ast.Module) -> Iterator[str]:
    """Yields the names that a module binds, but for those of messages."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module), names=names) if not module.endswith(("_pb2", ".messages")):
                yield from (alias.asname or alias.name for alias in names)
            case ast.Import(names=names):
                yield from (alias.asname or alias.name for alias in names)
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                yield name
            case _:
                pass


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(GOLDENS).as_posix())
def test_what_generated_modules_name_is_reserved(path: Path) -> None:
    process = "".join(part.title() for part in path.relative_to(GOLDENS).parts[2].split("-"))
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named_like_types = {name for name in _own_names(tree) if name[0].isupper() and not name.isupper()}
    of_the_process = {name for name in named_like_types if name.startswith(process)}
    indirect: set[str] = set()
    if path.name == "messages.py":
        indirect = {"FalseMessage", "Imported", "Kind", "MessageNone", "Yield"}
    # An alias, made only where no message of the process has the name.
    assert named_like_types - of_the_process - indirect - {"EventMeta"} <= RESERVED_NAMES
    parameters = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg) and not node.arg.startswith("_")}
    in_tests = {"case", "name", "value", "fields", "payload_type", "schema_version", "delivery"}
    assert parameters - in_tests <= RESERVED_NAMES
