"""What fills the store: watches, and lists now and then."""

from ameide_operator.watching._kopf import watch
from ameide_operator.watching._resync import RESYNC_SECONDS, resync, resync_once
from ameide_operator.watching._secrets import watch_secrets

__all__ = ["RESYNC_SECONDS", "resync", "resync_once", "watch", "watch_secrets"]
