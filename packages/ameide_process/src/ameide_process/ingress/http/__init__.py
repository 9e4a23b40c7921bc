"""HTTP CloudEvents as a source: a small server with bounds, and what its clients are told."""

from ameide_process.ingress.http._port import EventsPort
from ameide_process.ingress.http._transport import HttpTransport

__all__ = ["EventsPort", "HttpTransport"]
