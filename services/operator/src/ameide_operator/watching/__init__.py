"""What fills the store: watches, and lists now and then."""

from ameide_operator.watching._dependents import DEPENDENTS, watch_dependents
from ameide_operator.watching._kopf import watch
from ameide_operator.watching._resync import RESYNC_SECONDS, first_look, resync

__all__ = ["DEPENDENTS", "RESYNC_SECONDS", "first_look", "resync", "watch", "watch_dependents"]
