"""Random and broken messages through the whole intake of an ingress, guided by coverage.

Whatever comes: no exception, and nothing may be acknowledged that is neither accepted nor dead-lettered whole. Inputs
are mutations of good messages in every encoding, since random bytes alone never get past the first check. An input
that fails is written to a file by libFuzzer, which says so; give it as the argument to see it again.
"""

import importlib
import logging
import sys
from typing import Any

import structlog

atheris: Any = importlib.import_module("atheris")  # it has no types, and is not installed with the rest

with atheris.instrument_imports(include=["ameide_process.ingress", "cloudevents", "google.protobuf.json_format"]):
    from mutation import mutated
    from whole_intake import WholeIntake

DEFAULTS = ("-runs=1000000", "-max_len=512", "-timeout=10", "-seed=1", "-print_final_stats=1")
"""libFuzzer's options where the command line says nothing; the seed makes a run repeatable."""


def main() -> None:
    """Runs libFuzzer; it ends the program, with 77 when an input failed."""
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    intake = WholeIntake()

    def test_one_input(data: bytes) -> None:
        intake.take(mutated(atheris.FuzzedDataProvider(data)))

    given = sys.argv[1:]
    named = {option.partition("=")[0] for option in given}
    unsaid = [option for option in DEFAULTS if option.partition("=")[0] not in named]
    atheris.Setup([sys.argv[0], *given, *unsaid], test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
