"""What a redrive would do, or did, as tables for people."""

from datetime import datetime, timedelta

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ameide_process.redrive._account import Account
from ameide_process.redrive._selection import ADVICE

LONGEST_MESSAGE = 160
"""Characters of a message in the table; --output json has it whole."""


def print_account(account: Account, console: Console, now: datetime) -> None:
    """Prints everything that was found and done.

    Args:
        account: The counts.
        console: Where to.
        now: Ages count from it.
    """
    for stream in account.streams:
        console.print(f"read {escape(stream)}", soft_wrap=True)
    if account.samples:
        console.print(_samples(account, now))
    if account.by_reason:
        console.print(_reasons(account))
    for warning in account.warnings:
        console.print(f"[yellow]warning:[/yellow] {escape(warning)}", soft_wrap=True)
    for skip, number in sorted(account.skipped.items()):
        console.print(f"skipped {number} as [bold]{skip.value}[/bold]: {escape(ADVICE[skip])}", soft_wrap=True)
    for failure in account.failures:
        console.print(f"[red]failed[/red] {escape(failure)}", soft_wrap=True)
    console.print(_summary(account), soft_wrap=True)


def _summary(account: Account) -> str:
    found = f"{account.read} dead letters, {account.asked_for} asked for"
    if account.dry_run:
        if not account.to_replay:
            return f"[bold]{found}; nothing to replay[/bold]"
        where = ", ".join(f"{number} to {escape(target)}" for target, number in sorted(account.by_target.items()))
        return f"[bold]dry run: {found}; would replay {account.to_replay} ({where})[/bold]\nrun again with --execute"
    skipped = sum(account.skipped.values())
    text = f"[bold]{found}; replayed {account.replayed}, skipped {skipped}, failed {account.failed}[/bold]"
    if account.replayed:
        text += f"\nreplayed messages carry the header redrive-id: {account.redrive_id}"
    if account.stopped:
        text += f"\n[red]stopped:[/red] {escape(account.stopped)}\n{account.left} are left; run again to go on"
    return text


def _reasons(account: Account) -> Table:
    table = Table(title="dead letters by reason")
    table.add_column("reason")
    table.add_column("what becomes of them")
    table.add_column("number", justify="right")
    for (reason, fate), number in sorted(account.by_reason.items()):
        table.add_row(escape(reason), fate, str(number))
    return table


def _samples(account: Account, now: datetime) -> Table:
    table = Table(title="samples", show_lines=True)
    for column in ("reason", "fate", "source", "age", "workflow and event", "message"):
        table.add_column(column, overflow="fold")
    for sample in account.samples:
        message = sample.message if len(sample.message) <= LONGEST_MESSAGE else sample.message[:LONGEST_MESSAGE] + "…"
        if sample.fault:
            message += f"\nnow: {sample.fault[:LONGEST_MESSAGE]}"
        table.add_row(
            escape(sample.reason),
            sample.fate,
            escape(sample.source),
            _age(now - sample.time) if sample.time else "?",
            escape("\n".join(filter(None, (sample.workflow_id, sample.event_key))) or "?"),
            escape(message),
        )
    return table


def _age(age: timedelta) -> str:
    seconds = max(0, int(age.total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
