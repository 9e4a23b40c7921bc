"""The report: one page with what was done, what came out, and the command that makes it."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime

from accounting import EXAMPLES, Account, DeadLetters
from rich.table import Table
from workload import STREAM_EVENTS, STREAM_KEY, Workload


@dataclass(frozen=True)
class Parameters:
    """What a run was asked for."""

    events: int
    keys: int
    hot_events: int
    seed: int
    seconds: int
    ingress: int
    workers: int

    def command(self) -> str:
        """The command that runs the same again."""
        return (
            f"uvx nox -s chaos -- --events {self.events} --keys {self.keys} --hot-events {self.hot_events} "
            f"--seed {self.seed} --seconds {self.seconds} --ingress {self.ingress} --workers {self.workers}"
        )


@dataclass
class Measured:
    """What was seen while it ran."""

    published: int = 0
    publishing_seconds: float = 0.0
    settled_seconds: float = 0.0
    """From the end of publication until everything was committed and handled."""
    reading_seconds: float = 0.0
    hot_history_bytes: int = 0
    hot_history_events: int = 0
    hot_said: str = ""
    """What `/readyz` said of the hot key while no worker ran."""


Row = tuple[str, str]


def rows(
    workload: Workload, account: Account, letters: DeadLetters, faults: dict[str, int], measured: Measured
) -> dict[str, list[Row]]:
    """Returns the sections of the report."""
    duration = max(measured.publishing_seconds, 0.001)
    return {
        "Result": [
            ("events", f"{sum(each.events for each in workload.keys.values()):,}"),
            ("applied exactly once in workflow state", f"{account.applied:,}"),
            ("dead-lettered as late, after their journal was closed", f"{account.late:,}"),
            ("poison, dead-lettered with its reason", f"{len(workload.poison):,}"),
            ("**lost**", f"**{len(account.lost)}**"),
            ("**doubled**", f"**{len(account.doubled)}**"),
            ("**order violations**", f"**{len(account.disordered)}**"),
            ("anything else unexpected", f"{len(account.unexpected)}"),
        ],
        "Workload": [
            ("keys", f"{len(workload.keys):,}"),
            (
                f"events of the key that gets {STREAM_EVENTS:,} in a row, beside those that were asked for",
                f"{workload.keys[STREAM_KEY].events:,}",
            ),
            ("messages published", f"{measured.published:,}"),
            ("of them duplicates", f"{workload.duplicates:,}"),
            ("duplicates and redeliveries that workflows dropped", f"{account.duplicates_dropped:,}"),
            ("dead letters by reason", ", ".join(f"{name} {n:,}" for name, n in sorted(letters.reasons.items()))),
            ("dead-letter records that stand there twice (written at least once)", f"{letters.repeated:,}"),
            ("Continue-As-New", f"{account.continued:,}"),
        ],
        "Faults": [(name, str(count)) for name, count in sorted(faults.items())],
        "All workers away": [
            ("events of 20 KB offered to the hot key", f"{workload.hot_events:,}"),
            ("its history when it was parked", f"{measured.hot_history_bytes / 2**20:.1f} MB"),
            ("signals and other events in it", f"{measured.hot_history_events:,}"),
            ("`/readyz` of the ingress", measured.hot_said),
        ],
        "Time": [
            ("when and where", f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores"),
            ("publishing under faults", f"{duration:,.0f} s, {measured.published / duration:,.0f} messages a second"),
            ("until all was handled, after it", f"{measured.settled_seconds:,.0f} s"),
            ("asking every workflow", f"{measured.reading_seconds:,.0f} s"),
        ],
    }


def page(parameters: Parameters, sections: dict[str, list[Row]]) -> str:
    """Writes the report as Markdown."""
    lines = [
        "# Chaos report",
        "",
        "Written by the command below: Apache Kafka, the Temporal dev server on a database file, ingress and workers",
        "as programs of their own, and the process `event-journal`, whose state shows each applied event in its order.",
        "Every workflow is asked for its state, over all its runs, and the dead-letter topic is read to its end; each",
        "event must be found once. What is killed gets SIGKILL.",
        "",
        "```",
        parameters.command(),
        "```",
    ]
    for title, entries in sections.items():
        lines += ["", f"## {title}", "", "| | |", "|---|---|"]
        lines += [f"| {name} | {value} |" for name, value in entries]
    return "\n".join(lines) + "\n"


def table(sections: dict[str, list[Row]]) -> Table:
    """Draws the report for a terminal."""
    drawn = Table(show_header=False, title="chaos", title_justify="left")
    for title, entries in sections.items():
        drawn.add_section()
        drawn.add_row(f"[bold]{title}[/]", "")
        for name, value in entries:
            drawn.add_row(name.replace("**", ""), value.replace("**", ""))
    return drawn


def complaints(account: Account) -> list[str]:
    """Names what is wrong, some of each kind."""
    kinds = {
        "lost": account.lost,
        "doubled": account.doubled,
        "out of order": account.disordered,
        "unexpected": account.unexpected,
    }
    lines: list[str] = []
    for kind, entries in kinds.items():
        lines += [f"{kind}: {entry}" for entry in entries[:EXAMPLES]]
        if len(entries) > EXAMPLES:
            lines.append(f"{kind}: … and {len(entries) - EXAMPLES} more")
    return lines
