"""Which subjects of NATS are the same: `*` stands for one token, a last `>` for one or more."""

from itertools import zip_longest


def subjects_overlap(one: str, other: str) -> bool:
    """Says whether some subject falls under both; either may have wildcards."""
    for left, right in zip_longest(one.split("."), other.split(".")):
        if left is None or right is None:
            return False
        if ">" in (left, right):
            return True
        if left != right and "*" not in (left, right):
            return False
    return True
