"""Redrive: dead letters go back to where they came from, so that the ingress takes them again.

`run_redrive` is the whole command. `_selection` and `_judging` decide without I/O, `_program` reads and replays,
`_kafka` reads a transport, `_command` is the command line.
"""

from ameide_process.redrive._command import run_redrive

__all__ = ["run_redrive"]
