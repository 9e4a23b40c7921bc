"""`python -m protoc_gen_process.scaffold NAME`, run at the root of the workspace; `uvx nox -s new -- NAME` runs it."""

import sys
from pathlib import Path

from protoc_gen_process.scaffold import InvalidNameError, new_process


def main(arguments: list[str]) -> int:
    """Writes the stubs and says what to do next.

    Returns:
        Exit code: 0, or 2 when the name cannot be used.
    """
    if len(arguments) != 1 or arguments[0].startswith("-"):
        sys.stderr.write("usage: uvx nox -s new -- NAME   (kebab-case, such as order-returns)\n")
        return 2
    name = arguments[0]
    try:
        files = new_process(Path.cwd(), name)
    except InvalidNameError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for path, written in files:
        sys.stdout.write(f"{'wrote' if written else 'kept '}  {path.relative_to(Path.cwd())}\n")
    proto = files[0][0].relative_to(Path.cwd())
    sys.stdout.write(
        f"\nnext: say what the process is in {proto}, run `uvx nox -s regen`,\n"
        f"write primitives/process/{name}/src/{name.replace('-', '_')}/*_impl.py until "
        f"`uvx nox -s test -- primitives/process/{name} build/generated/process/{name}` is green\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
