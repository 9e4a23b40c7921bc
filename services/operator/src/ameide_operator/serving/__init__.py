"""What the operator says of itself: `/healthz` for the kubelet, `/metrics` for Prometheus."""

from ameide_operator.serving._metrics import OperatorMetrics
from ameide_operator.serving._server import HttpServer, ListenError

__all__ = ["HttpServer", "ListenError", "OperatorMetrics"]
