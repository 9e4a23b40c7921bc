"""stub"""

from collections.abc import Iterator

from protoc_gen_process.model import Process


def render_process(process: Process) -> Iterator[tuple[str, str]]:
    """Stub"""
    yield f"{process.name}/README.md", "x"
