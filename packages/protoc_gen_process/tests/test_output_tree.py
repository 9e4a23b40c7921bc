"""Output paths stay below the output directory, each once."""

import pytest
from protoc_gen_process.output_tree import OutputPathError, OutputTree


@pytest.mark.parametrize(
    "path", ["", ".", "..", "../x", "a/../b", "/etc/passwd", "a//b", "./a", "a/", "a\\b", "a/..", "a/./b"]
)
def test_paths_that_leave_or_are_not_normal_are_refused(path: str) -> None:
    with pytest.raises(OutputPathError, match="normalized"):
        OutputTree().add(path, "")


def test_a_path_is_written_once() -> None:
    tree = OutputTree()
    tree.add("a/b.py", "x")
    with pytest.raises(OutputPathError, match="twice"):
        tree.add("a/b.py", "x")


def test_files_come_in_the_order_of_their_paths() -> None:
    tree = OutputTree()
    tree.add("b/x", "")
    tree.add("a/y", "text")
    assert list(tree) == [("a/y", "text"), ("b/x", "")]
