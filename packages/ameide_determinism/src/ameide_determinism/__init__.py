"""Finds what makes a Temporal Python workflow nondeterministic, by following its calls, without running it."""

from ameide_determinism.assertion import assert_deterministic
from ameide_determinism.checker import Report, check
from ameide_determinism.configuration import Configuration
from ameide_determinism.findings import Finding, Problem, Severity

__all__ = ["Configuration", "Finding", "Problem", "Report", "Severity", "assert_deterministic", "check"]
