"""How long the generator takes for many processes, and whether it grows linearly.

Each size is one run of the plugin as buf runs it: a program that reads a request and writes a response, formatting
included. The processes are copies of order fulfilment under other names.
"""

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from protoc_gen_process.testing import ProtoImage
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "packages/ameide_core_proto/src"
EXAMPLE = SOURCES / "ameide_core_proto/orders/fulfillment/v1/order_fulfillment.proto"

SIZES = (100, 200)
ROUNDS = 5
"""The best of so many counts: what disturbs a run only makes it slower. A round runs each size once, so that a machine
that drifts slows both."""

LONGEST_SECONDS = 3.0
"""Aim for 100 processes; reported, not a gate."""

LARGEST_GROWTH = 2.2
"""From 100 to 200 processes: linear, with room for noise."""


def write_processes(folder: Path, number: int) -> None:
    """Writes copies of the example, each a process of its own in a package of its own."""
    text = EXAMPLE.read_text()
    for index in range(number):
        name = f"p{index:03d}"
        copy = re.sub(r"\border-fulfillment\b", name, text)
        copy = copy.replace("ameide_core_proto.orders.fulfillment.v1", f"ameide_core_proto.{name}.v1")
        target = folder / f"ameide_core_proto/{name}/v1/{name}.proto"
        target.parent.mkdir(parents=True)
        target.write_text(copy)


def seconds(request: bytes) -> float:
    """Wall time of one run of the plugin.

    Raises:
        subprocess.CalledProcessError: The plugin failed.
    """
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "protoc_gen_process"], input=request, stdout=subprocess.PIPE, check=True)
    return time.perf_counter() - started


def main() -> int:
    """Measures, prints, and returns 1 where growth is more than linear."""
    with tempfile.TemporaryDirectory() as folder:
        write_processes(Path(folder), max(SIZES))
        image = ProtoImage.build(SOURCES, Path(folder))
    requests = {
        size: image.request(
            [f"ameide_core_proto/p{i:03d}/v1/p{i:03d}.proto" for i in range(size)], "part=processes"
        ).to_binary()
        for size in SIZES
    }
    rounds = [{size: seconds(requests[size]) for size in SIZES} for _ in range(ROUNDS)]
    best = {size: min(each[size] for each in rounds) for size in SIZES}
    growth = best[200] / best[100]
    table = Table("processes", "seconds", "aim")
    table.add_row("100 (baseline)", f"{best[100]:.2f}", f"<= {LONGEST_SECONDS}")
    table.add_row("200", f"{best[200]:.2f}", "")
    table.add_row("200 / 100", f"{growth:.2f}", f"<= {LARGEST_GROWTH}")
    Console().print(table)
    return 0 if growth <= LARGEST_GROWTH else 1


if __name__ == "__main__":
    sys.exit(main())
