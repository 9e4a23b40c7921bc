"""From streams of events to workflows: one engine, a small transport interface, nothing lost.

`run_ingress` is the whole program. The parts below it, from the inside out: `_planner` decides without I/O, `_engine`
executes, `_kafka` is a transport, `_main` puts them together.
"""

from ameide_process.ingress._decoding import Decoder
from ameide_process.ingress._limits import EVENT_BYTES
from ameide_process.ingress._main import run_ingress, serve_ingress
from ameide_process.ingress._message import Message, Partition

__all__ = ["EVENT_BYTES", "Decoder", "Message", "Partition", "run_ingress", "serve_ingress"]
