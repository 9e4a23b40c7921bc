"""The live table of orders."""

from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text
from sample_events import Order

MAXIMUM_ROWS = 40
"""A screen holds no more; of a larger run the rest is counted below."""

_STYLES = {
    "fulfilled": "green",
    "cancelled": "yellow",
    "compensating": "magenta",
    "failed": "bold red",
    "waiting": "dim",
}


def orders_table(orders: Sequence[Order], phases: Mapping[str, str], footer: str) -> Table:
    """Draws the orders with their phases.

    Args:
        orders: The orders, in the order of the rows.
        phases: Phase by workflow id; an order without one has no workflow yet.
        footer: A line about the whole.
    """
    table = Table(title="order-fulfillment", title_justify="left", caption=footer, caption_justify="left")
    table.add_column("order", no_wrap=True)
    table.add_column("story", no_wrap=True)
    table.add_column("state", no_wrap=True, min_width=18)
    for order in orders[:MAXIMUM_ROWS]:
        phase = phases.get(order.workflow_id, "waiting")
        table.add_row(order.order_id, order.story, Text(phase, style=_STYLES.get(phase, "cyan")))
    if len(orders) > MAXIMUM_ROWS:
        table.add_row("…", f"and {len(orders) - MAXIMUM_ROWS} more", "")
    return table
