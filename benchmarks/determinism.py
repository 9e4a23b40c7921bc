"""How long the determinism checker takes for 10,000 lines of workflows and helpers, beside parsing them alone.

The lines are spread over modules as projects spread them: workflows that import helpers, classes, handlers, and calls
three deep. All of them are reached from workflows.
"""

import ast
import tempfile
import time
from pathlib import Path

from ameide_determinism import check

LINES = 10_000
ROUNDS = 5
"""Of each; the best counts, in seconds of processor time, since others use the machine too."""

HELPERS = '''"""Helpers."""

import json
from dataclasses import dataclass, field
from datetime import timedelta

from temporalio import workflow

LIMITS = {{"small": 1, "large": 10}}


@dataclass
class Item{number}:
    name: str
    tags: set[str] = field(default_factory=set)
    parts: list[str] = field(default_factory=list)

    def label(self) -> str:
        return ",".join(sorted(self.tags)) or self.name


def price_{number}(item: Item{number}, factor: int) -> int:
    total = 0
    for part in item.parts:
        if part in LIMITS:
            total += LIMITS[part] * factor
        elif part.startswith("x"):
            total -= 1
    return total + len(item.tags)


async def pause_{number}(item: Item{number}) -> str:
    await workflow.sleep(timedelta(seconds=price_{number}(item, 3)))
    return json.dumps({{"name": item.name, "label": item.label()}})
'''

WORKFLOW = '''"""A workflow."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from bench.helpers_{number} import Item{number}, pause_{number}, price_{number}
    from bench.helpers_{other} import Item{other}, pause_{other}


@workflow.defn
class Workflow{number}:
    def __init__(self) -> None:
        self.items: dict[str, Item{number}] = {{}}
        self.closed = False

    @workflow.run
    async def run(self, names: list[str]) -> list[str]:
        results: list[str] = []
        for name in names:
            item = Item{number}(name, parts=list(names))
            self.items[name] = item
            results.append(await pause_{number}(item))
        await workflow.wait_condition(lambda: self.closed, timeout=timedelta(days=1))
        for name, item in self.items.items():
            if price_{number}(item, 2) > 3:
                results.append(await self.settle(name, item))
        return sorted(set(results))

    async def settle(self, name: str, item: Item{number}) -> str:
        try:
            await pause_{other}(Item{other}(name))
            return await workflow.execute_activity("settle", item.label(), start_to_close_timeout=timedelta(seconds=3))
        except ValueError as error:
            workflow.logger.warning("failed %s", error)
            return name

    @workflow.signal
    def close(self) -> None:
        self.closed = True

    @workflow.query
    def open_items(self) -> list[str]:
        return [name for name, item in self.items.items() if not item.tags]
'''


def write_project(folder: Path) -> int:
    """Writes a project of at least LINES lines; returns how many it has."""
    package = folder / "bench"
    package.mkdir()
    (package / "__init__.py").write_text("")
    pair = HELPERS.count("\n") + WORKFLOW.count("\n")
    count = -(-LINES // pair)
    for number in range(count):
        other = (number + 1) % count
        (package / f"helpers_{number}.py").write_text(HELPERS.format(number=number))
        (package / f"workflow_{number}.py").write_text(WORKFLOW.format(number=number, other=other))
    return count * pair


def main() -> None:
    """Prints seconds for the check, for parsing alone, and their ratio."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = write_project(folder)
        checking: list[float] = []
        parsing: list[float] = []
        report = check([folder])
        assert report.workflows, "nothing was checked"
        assert not report.findings, report.findings[:3]
        for _ in range(ROUNDS):
            started = time.process_time()
            check([folder])
            checking.append(time.process_time() - started)
            started = time.process_time()
            for file in sorted(folder.rglob("*.py")):
                ast.parse(file.read_bytes())
            parsing.append(time.process_time() - started)
    print(f"{lines:,} lines, {report.workflows} workflows")
    print(f"check    {min(checking):.2f} s, {min(checking) / lines * 10_000:.2f} s for 10,000 lines")
    print(f"parsing  {min(parsing):.2f} s")
    print(f"ratio    {min(checking) / min(parsing):.1f}")


if __name__ == "__main__":
    main()
