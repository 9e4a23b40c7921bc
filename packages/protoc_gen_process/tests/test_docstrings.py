"""Any proto comment becomes a docstring that parses, fits and says the same."""

import ast
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protoc_gen_process.formatting import LINE_LENGTH
from protoc_gen_process.render.docstrings import docstring, module_docstring

words = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Z")), min_size=1, max_size=12)
lines = st.one_of(
    st.just(""), st.lists(words, min_size=1, max_size=12).map(" ".join), st.sampled_from(["Example:", "- item", "  x"])
)


def _parsed(source: str, indent: int) -> str:
    tree = ast.parse(f"def f():\n{' ' * indent}{source}\n" if indent else source)
    node = tree.body[0] if indent else tree
    assert isinstance(node, ast.FunctionDef | ast.Module)
    text = ast.get_docstring(node)
    assert text is not None
    return text


@given(st.lists(lines, max_size=8), st.sampled_from([0, 4, 8]))
def test_any_comment_is_a_docstring_that_parses_and_says_all_words(docs: list[str], indent: int) -> None:
    source = docstring(docs, indent, "The fallback.")
    text = _parsed(source, indent)

    def letters(text: str) -> str:
        return "".join(character for character in text.upper().casefold() if character.isalnum())

    said = letters(text).removeprefix(letters("The fallback."))
    assert said == letters("".join(docs)) or letters(text) == letters("".join(docs))
    first, *rest = text.split("\n")
    assert first[-1] in ".!?"
    assert not rest or not rest[0]


@pytest.mark.parametrize(
    ("docs", "expected"),
    [
        ((), '"""The fallback."""'),
        (("says what it is",), '"""Says what it is."""'),
        (("Is it?",), '"""Is it?"""'),
        (("One line", "and its second."), '"""One line and its second."""'),
        (('Says """three""".',), "\"\"\"Says '''three'''.\"\"\""),
        (("A \\backslash",), 'r"""A \\backslash."""'),
        (('"Quoted" first',), '"""\'Quoted\' first."""'),
        (("First.", "", "Second", "goes on."), '"""First.\n\n    Second goes on.\n    """'),
        (("List:", "- a", "- b"), '"""The fallback.\n\n    List:\n    - a\n    - b\n    """'),
        (("Text.", "", "Returns:"), '"""Text.\n\n    Returns --\n    """'),
    ],
)
def test_comments_are_shaped_as_docstrings(docs: tuple[str, ...], expected: str) -> None:
    assert docstring(docs, 4, "The fallback.") == expected


def test_a_long_first_paragraph_is_split_after_a_sentence() -> None:
    text = docstring(["One sentence. " + "word " * 25 + "end."], 8, "The fallback.")
    assert text.splitlines()[0] == '"""One sentence.'
    assert all(len(line) <= LINE_LENGTH for line in textwrap.indent(text, "").splitlines())


def test_a_first_sentence_longer_than_a_line_goes_below_the_fallback() -> None:
    text = docstring(["word " * 40 + "end."], 8, "The fallback.")
    assert text.splitlines()[0] == '"""The fallback.'
    assert all(len(line) <= LINE_LENGTH for line in text.splitlines())


def test_a_module_docstring_keeps_its_first_line() -> None:
    assert module_docstring((), "The module.") == '"""The module."""'
    assert module_docstring(("What for.",), "The module.") == '"""The module.\n\nWhat for.\n"""'
