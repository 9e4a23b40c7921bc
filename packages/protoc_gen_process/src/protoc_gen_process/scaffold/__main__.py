"""`python -m protoc_gen_process.scaffold NAME`, run at the root of the workspace; `uvx nox -s new -- NAME` runs it."""

import sys
from argparse import ArgumentParser
from pathlib import Path

from protoc_gen_process.model import WorkflowKind
from protoc_gen_process.scaffold import InvalidNameError, new_process


def main(arguments: list[str]) -> int:
    """Writes the stubs.

    Returns:
        Exit code: 0, or 2 when the name cannot be used.

    Raises:
        SystemExit: Code 2 for wrong arguments, 0 after `--help`; the usage is printed.
    """
    parser = ArgumentParser(prog="uvx nox -s new --", description="Write proto and impl stubs of a process, once.")
    parser.add_argument("name", metavar="NAME", help="kebab-case, such as order-returns")
    parser.add_argument(
        "--kind",
        choices=[kind.value for kind in WorkflowKind],
        type=str.upper,
        default=WorkflowKind.ENTITY.value,
        help="ENTITY: a workflow for each business key, however long it lives; TRANSACTION: one for each request",
    )
    given = parser.parse_args(arguments)
    try:
        files = new_process(Path.cwd(), given.name, WorkflowKind(given.kind))
    except InvalidNameError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for path, written in files:
        sys.stdout.write(f"{'wrote' if written else 'kept '}  {path.relative_to(Path.cwd())}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
