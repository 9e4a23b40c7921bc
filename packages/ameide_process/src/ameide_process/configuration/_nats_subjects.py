"""Which subjects of NATS fall under which: `*` stands for one token, a last `>` for one or more."""

import re
from itertools import zip_longest
from typing import Final

SUBJECT_PATTERN: Final = r"^[^\s.*>]+(\.[^\s.*>]+)*$"
"""A subject that a message can have, so without wildcards."""

LONGEST_SUBJECT: Final = 255
"""Characters that we take. NATS advises to stay below 256."""


def is_subject(text: str) -> bool:
    """Says whether a message can have this subject, and an output name it."""
    return len(text) <= LONGEST_SUBJECT and re.fullmatch(SUBJECT_PATTERN, text) is not None


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


def subject_covers(wide: str, narrow: str) -> bool:
    """Says whether every subject that falls under one falls under the other too; either may have wildcards."""
    for left, right in zip_longest(wide.split("."), narrow.split(".")):
        if left is None or right is None:
            return False
        if left == ">":
            return True
        if right == ">" or left not in ("*", right):
            return False
    return True
