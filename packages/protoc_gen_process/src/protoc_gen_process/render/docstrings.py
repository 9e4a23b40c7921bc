"""Proto comments as docstrings: safe to parse, wrapped, and shaped as linters want docstrings."""

import re
import textwrap
from collections.abc import Iterator, Sequence

from protoc_gen_process.formatting import LINE_LENGTH

_QUOTES = '"""'
_SENTENCE_END = re.compile(r"(?<=[.!?]) +")
_LIST_ITEM = re.compile(r"([-*+]|\d+[.)]) ")
_SECTIONS = frozenset(
    {
        *("args", "arguments", "attributes", "example", "examples", "extended summary", "keyword args"),
        *("keyword arguments", "methods", "note", "notes", "other args", "other arguments", "other parameters"),
        *("parameters", "raises", "receives", "references", "return", "returns", "see also", "short summary", "tip"),
        *("tips", "todo", "warning", "warnings", "warns", "yield", "yields"),
    }
)
"""Words that linters take for the header of a docstring section when one stands alone on a line."""


def docstring(docs: Sequence[str], indent: int, fallback: str, more: str = "") -> str:
    """Returns a docstring, quotes included; the first line is not indented.

    Args:
        docs: Lines of a proto comment.
        indent: Columns that the docstring is indented by.
        fallback: First line where there is no comment, or none that fits in one line.
        more: A paragraph to add.
    """
    paragraphs = list(_paragraphs(docs))
    summary, rest = _summary(paragraphs, LINE_LENGTH - indent - len(_QUOTES), fallback)
    body = [*rest, *([more] if more else [])]
    text = "\n\n".join([summary, *(_wrapped(paragraph, LINE_LENGTH - indent) for paragraph in body)])
    return _quoted(text, indent, alone=not body)


def module_docstring(docs: Sequence[str], summary: str) -> str:
    """Returns a docstring whose first line is given, with the comment below it."""
    paragraphs = [_wrapped(paragraph, LINE_LENGTH) for paragraph in _paragraphs(docs)]
    return _quoted("\n\n".join([summary, *paragraphs]), 0, alone=not paragraphs)


def _summary(paragraphs: list[str], width: int, fallback: str) -> tuple[str, list[str]]:
    """Returns the first line and the paragraphs below it."""
    if not paragraphs:
        return fallback, []
    first, *others = paragraphs
    ended = _ended(first)
    if "\n" not in first and len(ended) + len(_QUOTES) <= width:
        return ended, others
    sentences = _SENTENCE_END.split(first)
    if "\n" in first or len(_ended(sentences[0])) > width:
        return fallback, paragraphs
    taken = sentences[0]
    for sentence in sentences[1:]:
        if len(taken) + 1 + len(sentence) > width:
            break
        taken += f" {sentence}"
    remainder = first[len(taken) :].strip()
    return _ended(taken), ([remainder] if remainder else []) + others


def _ended(sentence: str) -> str:
    """Returns a first line as linters want it: it begins with a capital and ends in a full stop."""
    if sentence[-1] not in ".!?":
        sentence = sentence.rstrip(":;,- ") + "."
    if sentence.startswith('"'):
        sentence = sentence.replace('"', "'")  # four quotes in a row read badly, and linters refuse them
    return sentence[0].upper() + sentence[1:]


def _paragraphs(docs: Sequence[str]) -> Iterator[str]:
    """Yields the paragraphs: prose joined to one line; lists and indented text line by line."""
    paragraph: list[str] = []
    for line in [*docs, ""]:
        if line.strip():
            paragraph.append(line)
        elif paragraph:
            yield _joined(paragraph)
            paragraph = []


def _joined(lines: list[str]) -> str:
    joined: list[str] = []
    for line in lines:
        starts_anew = not joined or line.startswith((" ", "\t")) or _LIST_ITEM.match(line)
        if starts_anew:
            joined.append(line.rstrip())
        else:
            joined[-1] += f" {line.strip()}"
    return "\n".join(joined)


def _wrapped(paragraph: str, width: int) -> str:
    lines: list[str] = []
    for line in paragraph.split("\n"):
        indentation = line[: len(line) - len(line.lstrip())]
        wrapped = textwrap.wrap(
            line, width, subsequent_indent=indentation, break_long_words=False, break_on_hyphens=False
        )
        lines += [_no_header(one) for one in wrapped] or [""]
    return "\n".join(lines)


def _no_header(line: str) -> str:
    word = line.strip().removesuffix(":").lower()
    return f"{line.rstrip(':')} --" if word in _SECTIONS else line


def _quoted(text: str, indent: int, *, alone: bool) -> str:
    text = text.replace(_QUOTES, "'''").expandtabs(4)
    prefix = "r" if "\\" in text else ""
    if alone:
        return f"{prefix}{_QUOTES}{text}{_QUOTES}"
    return f"{prefix}{_QUOTES}{textwrap.indent(text, ' ' * indent).lstrip()}\n{' ' * indent}{_QUOTES}"
