"""The loop: keys that changed are reconciled, each by one worker at a time."""

from ameide_operator.reconciling._event_recorder import EventRecorder
from ameide_operator.reconciling._queue import KeyedQueue
from ameide_operator.reconciling._readiness import ReadinessProbe
from ameide_operator.reconciling._reconciler import Reconciler
from ameide_operator.reconciling._store import Listing, ResourceKey, Store

__all__ = ["EventRecorder", "KeyedQueue", "Listing", "ReadinessProbe", "Reconciler", "ResourceKey", "Store"]
