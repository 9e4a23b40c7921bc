"""What fills the store: watches, and lists now and then."""

from ameide_operator.watching._kopf import watch
from ameide_operator.watching._metadata import METADATA_WATCHED, watch_metadata
from ameide_operator.watching._resync import RESYNC_SECONDS, first_look, resync

__all__ = ["METADATA_WATCHED", "RESYNC_SECONDS", "first_look", "resync", "watch", "watch_metadata"]
