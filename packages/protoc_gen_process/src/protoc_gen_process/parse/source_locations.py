"""Line, column and comment of every element and option of a file.

Compilers differ in what they record of options: buf records the fields inside an option literal (but none inside a
repeated message), protoc only the option as a whole. So a place is looked up exactly, then by the first thing recorded
inside of it, then by the closest thing around it.
"""

import unicodedata
from bisect import bisect_left
from collections.abc import Sequence

from protobuf import DescFile

from protoc_gen_process.diagnostics import Place
from protoc_gen_process.proto_types import Docs

SourcePath = tuple[int, ...]
"""Field numbers and indexes from `FileDescriptorProto` down to an element, as `SourceCodeInfo` has them."""

_SYNTAX: SourcePath = (12,)
_PACKAGE: SourcePath = (2,)
_VISIBLE = "\t\u200c\u200d"
"""Control and format characters that stay in comments: tabs, and the joiners that some scripts and emoji need."""
_DIRECTIVE_PREFIXES = ("buf:lint:", "@exclude")
"""Comment lines for tools, which say nothing about the element."""


class SourceLocations:
    """The source locations of one file."""

    def __init__(self, desc: DescFile) -> None:
        self._file = desc.name
        self._spans: dict[SourcePath, Sequence[int]] = {}
        self._comments: dict[SourcePath, str] = {}
        info = desc.proto.source_code_info
        for location in info.location if info is not None else ():
            path = tuple(location.path)
            # Several statements may share a path (each `option` of a message has that of `options`): the first counts.
            self._spans.setdefault(path, location.span)
            comment = location.leading_comments or location.trailing_comments
            if comment:
                self._comments.setdefault(path, comment)
        self._sorted = sorted(self._spans)

    def place(self, path: SourcePath) -> Place:
        """Returns where an element or option begins."""
        span = self._spans.get(path) or self._first_inside(path) or self._closest_around(path)
        if span is None:
            return Place(self._file)
        return Place(self._file, span[0] + 1, span[1] + 1)

    def element_path(self, path: SourcePath, index: int, count: int) -> SourcePath:
        """Returns the path under which the place of an element of a repeated option field is found.

        Compilers number statements, not elements: `field: [{...}, {...}]` is one statement. Where several statements
        have lists, nothing tells which holds an element; then its place is that of what is around all of them.

        Args:
            path: Path of the field.
            index: Index of the element.
            count: Number of elements.
        """
        statements = sum(1 for one in self._spans if len(one) == len(path) + 1 and one[: len(path)] == path)
        if statements == count:
            return (*path, index)
        return (*path, 0) if statements == 1 else (*path, count + index)  # the latter is nobody's path

    def docs(self, path: SourcePath) -> Docs:
        """Returns the lines of the comment above an element, else of the one behind it."""
        comment = self._comments.get(path, "")
        lines = [_printable(line).rstrip().removeprefix(" ") for line in comment.rstrip().splitlines()]
        lines = [line for line in lines if not line.startswith(_DIRECTIVE_PREFIXES)]
        while lines and not lines[0]:
            lines.pop(0)
        while lines and not lines[-1]:
            lines.pop()
        return tuple(lines)

    def file_docs(self) -> Docs:
        """Returns the comment above the syntax or edition, else the one above the package."""
        return self.docs(_SYNTAX) or self.docs(_PACKAGE)

    def _first_inside(self, path: SourcePath) -> Sequence[int] | None:
        index = bisect_left(self._sorted, path)
        inside: list[Sequence[int]] = []
        while index < len(self._sorted) and self._sorted[index][: len(path)] == path:
            inside.append(self._spans[self._sorted[index]])
            index += 1
        return min(inside, key=lambda span: (span[0], span[1]), default=None)

    def _closest_around(self, path: SourcePath) -> Sequence[int] | None:
        while path:
            path = path[:-1]
            if path and path in self._spans:
                return self._spans[path]
        return None


def _printable(line: str) -> str:
    """Returns a line without what would make source read other than it runs: control and bidirectional characters."""
    return "".join(one for one in line if one in _VISIBLE or unicodedata.category(one) not in {"Cc", "Cf"})
