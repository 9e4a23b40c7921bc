"""What every test run of the repository shares: the bless switch, and one summary line per suite."""

from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parent

# Tests are not timed: a busy machine must not fail them.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the switch of all suites that compare with goldens, and the size of those that search."""
    parser.addoption("--bless", action="store_true", help="write what is made now as what tests expect of it")
    parser.addoption(
        "--simulations", type=int, default=200, help="how many schedules of the ingress engine are simulated"
    )


@pytest.fixture(scope="session")
def bless(pytestconfig: pytest.Config) -> bool:
    """Whether expectations are written and not compared."""
    return bool(pytestconfig.getoption("--bless"))


def _suite(nodeid: str) -> str:
    """The suite that a test belongs to: the folder that holds its `tests` folder."""
    path = Path(nodeid.partition("::")[0])
    parts = path.parts
    return "/".join(parts[: parts.index("tests")]) or "repository" if "tests" in parts else str(path.parent)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints one line per suite: outcomes and the seconds that its tests took."""
    outcomes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    seconds: defaultdict[str, float] = defaultdict(float)
    for outcome, reports in terminalreporter.stats.items():
        for report in reports:
            if not isinstance(report, pytest.TestReport):
                continue
            suite = _suite(report.nodeid)
            seconds[suite] += report.duration
            if report.when == "call" or outcome in ("error", "skipped"):
                outcomes[suite][outcome] += 1
    terminalreporter.section("suites")
    for suite in sorted(outcomes):
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes[suite].items()) if outcome)
        terminalreporter.line(f"{suite:<55} {counts:<30} {seconds[suite]:7.1f} s")
