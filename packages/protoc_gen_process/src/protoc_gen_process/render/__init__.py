"""Contracts to files."""

from collections.abc import Sequence

from protoc_gen_process.formatting import format_python
from protoc_gen_process.model import Process
from protoc_gen_process.output_tree import OutputTree
from protoc_gen_process.render.templates_of_process import render_process

__all__ = ["render"]


def render(processes: Sequence[Process], tree: OutputTree) -> None:
    """Renders all files of all processes into the tree, Python formatted in one call."""
    rendered = OutputTree()
    for process in processes:
        for path, content in render_process(process):
            rendered.add(path, content)
    python = {path: content for path, content in rendered if path.endswith(".py")}
    formatted = format_python(python)
    for path, content in rendered:
        tree.add(path, formatted.get(path, content))
