"""The files of one response."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath


class OutputPathError(ValueError):
    """A path that generated code must not have; the fault is the plugin's."""


class OutputTree:
    """Paths and contents, each path once and below the output directory."""

    def __init__(self) -> None:
        self._files: dict[str, str] = {}

    def add(self, path: str, content: str) -> None:
        """Adds a file.

        Args:
            path: Relative to the output directory, with `/`.
            content: Its text; it may be empty.

        Raises:
            OutputPathError: The path leaves the output directory, is not normalized, or was added before.
        """
        pure = PurePosixPath(path)
        if not path or pure.is_absolute() or "\\" in path or ".." in pure.parts or str(pure) != path or path == ".":
            msg = f"output path {path!r} is not a normalized path below the output directory"
            raise OutputPathError(msg)
        if path in self._files:
            msg = f"output path {path!r} is written twice"
            raise OutputPathError(msg)
        self._files[path] = content

    @property
    def files(self) -> Mapping[str, str]:
        """Contents by path."""
        return self._files

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Yields path and content in the order of the paths."""
        return iter(sorted(self._files.items()))
