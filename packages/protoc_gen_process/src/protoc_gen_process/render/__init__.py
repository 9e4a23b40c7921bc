"""Contracts to files."""

from collections.abc import Sequence

from protoc_gen_process.formatting import format_python
from protoc_gen_process.model import Process
from protoc_gen_process.output_tree import OutputTree
from protoc_gen_process.render.process_files import render_process

__all__ = ["render"]


def render(processes: Sequence[Process], tree: OutputTree) -> None:
    """Renders all files of all processes into the tree, Python tidied in one go."""
    rendered = OutputTree()
    for process in processes:
        for path, content in render_process(process):
            rendered.add(path, content)
    formatted = format_python({path: content for path, content in rendered if path.endswith(".py")})
    for path, content in rendered:
        tree.add(path, formatted.get(path, content))
