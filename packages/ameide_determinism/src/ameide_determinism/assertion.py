"""The check as an assertion, for tests."""

import sys
import sysconfig
from dataclasses import replace
from pathlib import Path

from ameide_determinism import baseline
from ameide_determinism.checker import check
from ameide_determinism.configuration import find, load
from ameide_determinism.project.paths import resolved
from ameide_determinism.reporters import as_text


def assert_deterministic(*paths: Path) -> None:
    """Fails when a workflow at the paths, or what it calls, is not deterministic as far as the code shows.

    The nearest `[tool.ameide-determinism]` of a pyproject.toml holds, its baseline included; warnings fail too.

    Raises:
        AssertionError: Something was found, or not everything could be checked; the message says all of it.
        ConfigurationError: The configuration cannot be used.
        PathError: A path is not there.
    """
    first = resolved(paths[0])
    folder = first if first.is_dir() else first.parent
    configuration = load(find(folder), folder)
    # A test runs where the project is importable: its modules are where Python finds them.
    installed = set(sysconfig.get_paths().values())
    importable = [Path(entry) for entry in sys.path if entry not in installed and Path(entry).is_dir()]
    configuration = replace(configuration, roots=(*configuration.roots, *importable))
    report = check(paths, configuration)
    findings = report.findings
    if configuration.baseline is not None:
        findings = baseline.new(findings, baseline.read(configuration.baseline))
    lines = [str(problem) for problem in report.problems]
    if not report.workflows:
        lines.append(f"no workflow found in {', '.join(str(path) for path in paths)}; nothing was checked")
    if findings:
        lines.append(as_text(findings))
    if lines:
        raise AssertionError("\n".join(lines))
