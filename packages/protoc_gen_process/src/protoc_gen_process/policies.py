"""What a kind of workflow means where the declaration leaves it open: one exhaustive table."""

from dataclasses import dataclass
from datetime import timedelta

from protoc_gen_process.model import ConflictPolicy, IdMode, ReusePolicy, VersioningBehavior, WorkflowKind

DEFAULT_KIND = WorkflowKind.ENTITY

DEDUPE_WINDOWS = range(256, 16_384 + 1)
"""Remembered (idempotency key, payload case) pairs: fewer do not cover one redelivery, and more (16 bytes each) weigh
on each Continue-As-New."""
DEFAULT_DEDUPE_WINDOW = 4_096

DEFAULT_START_TO_CLOSE = timedelta(seconds=30)
"""Of an activity without any timeout: Temporal refuses an activity that has neither."""

DEFAULT_INITIAL_INTERVAL = timedelta(seconds=1)
"""Temporal's own first wait, against which a longest wait is checked when no first is given."""


@dataclass(frozen=True, slots=True)
class KindDefaults:
    """What a kind means."""

    id_mode: IdMode
    """How the id is made without a template."""
    other_id_mode: IdMode
    """The mode of the other kind, which is refused here."""
    reuse: ReusePolicy
    conflict: ConflictPolicy
    versioning: VersioningBehavior


KIND_DEFAULTS = {
    WorkflowKind.ENTITY: KindDefaults(
        id_mode=IdMode.BUSINESS_KEY,
        other_id_mode=IdMode.IDEMPOTENCY_KEY,
        reuse=ReusePolicy.REJECT_DUPLICATE,
        conflict=ConflictPolicy.USE_EXISTING,
        versioning=VersioningBehavior.AUTO_UPGRADE,
    ),
    WorkflowKind.TRANSACTION: KindDefaults(
        id_mode=IdMode.IDEMPOTENCY_KEY,
        other_id_mode=IdMode.BUSINESS_KEY,
        reuse=ReusePolicy.REJECT_DUPLICATE,
        conflict=ConflictPolicy.USE_EXISTING,
        versioning=VersioningBehavior.PINNED,
    ),
}
