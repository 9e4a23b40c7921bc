"""Generated Python is tidied by the pinned ruff."""

from pathlib import Path

import pytest
from protoc_gen_process import formatting
from protoc_gen_process.formatting import FormatterMissingError, FormattingError, format_python


def test_unused_imports_go_and_the_rest_is_sorted_and_formatted() -> None:
    source = "# generated\nfrom b import y\nfrom a import x, z\nfrom own.other import w\nprint( x,y,w )\n"
    expected = "# generated\nfrom a import x\nfrom b import y\n\nfrom own.other import w\n\nprint(x, y, w)\n"
    files = {"p/src/own/m.py": source, "p/src/own/__init__.py": ""}
    assert format_python(files) == {"p/src/own/m.py": expected, "p/src/own/__init__.py": ""}


def test_a_line_that_a_name_makes_too_long_is_exempted_with_a_reason() -> None:
    source = f'# generated\nx = "{"n" * 70} {"n" * 60}"\n'
    first, second, _ = format_python({"m.py": source})["m.py"].splitlines()
    assert first == "# generated"
    assert second == "# ruff: noqa: E501 -- names and comments are those of the proto"


def test_code_that_does_not_parse_is_said() -> None:
    with pytest.raises(FormattingError, match=r"m\.py"):
        format_python({"m.py": "def ("})


def test_a_missing_ruff_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formatting, "find_ruff_bin", lambda: "/nowhere/ruff")
    with pytest.raises(FormatterMissingError, match="cannot run ruff"):
        format_python({"m.py": "x = 1\n"})


def test_no_path_is_left_out() -> None:
    assert format_python({"dist/venv/m.py": "x=1\n"}) == {"dist/venv/m.py": "x = 1\n"}


@pytest.mark.parametrize("memory", ["/nowhere", "/proc"], ids=["no such file system", "no room"])
def test_files_need_no_file_system_in_memory(memory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formatting, "_MEMORY", Path(memory))
    assert format_python({"m.py": "x=1\n"}) == {"m.py": "x = 1\n"}


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formatting, "_MEMORY", tmp_path)
    format_python({"p/m.py": "x=1\n"})
    assert not list(tmp_path.iterdir())


def test_nothing_is_formatted_without_running_ruff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formatting, "find_ruff_bin", lambda: "/nowhere/ruff")
    assert format_python({}) == {}
