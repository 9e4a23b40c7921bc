"""What fills the store: watches, and lists now and then."""

from ameide_operator.watching._kopf import watch
from ameide_operator.watching._resync import RESYNC_SECONDS, first_look, resync
from ameide_operator.watching._secrets import watch_secrets

__all__ = ["RESYNC_SECONDS", "first_look", "resync", "watch", "watch_secrets"]
