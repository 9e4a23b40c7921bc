"""`part=messages`: what packaging of the message tree needs beside what protoc and mypy-protobuf write."""

from collections.abc import Iterable, Iterator


def typed_markers(proto_paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yields the `py.typed` file of each top-level package, path and content.

    Without it mypy ignores the stubs beside the generated modules, and pyright counts the distribution as untyped. One
    in the top-level package covers all below. The packages are namespace packages, so no `__init__.py` is written:
    another distribution may hold another part of the same tree.

    Args:
        proto_paths: Paths of the proto files that messages are generated for.
    """
    packages = {path.partition("/")[0] for path in proto_paths if "/" in path}
    for package in sorted(packages):
        yield f"{package.replace('-', '_')}/py.typed", ""
