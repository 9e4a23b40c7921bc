"""NATS JetStream as a source: durable pull consumers, each pinned to one member at a time.

Measured on nats-server 2.15.1, and the reasons for what is here:

- A pull consumer that several members share hands each message to whoever asks, so messages of one key reach different
  members. Priority groups with the policy `pinned_client` (since 2.11) give all messages to one of them.
- A member is pinned with its first message, never by an idle pull, and for `priority_timeout` after its latest pull;
  in-progress marks do not prolong that, and neither does a pull that is still open.
- The next member gets NEW messages at once, and those that the last one left only when their ack wait has passed or
  they are given back (nak). Nothing of what it gets may be delivered before the latter are there: see `_takeover`.
- Redelivery goes on at `max_ack_pending`, so that wait always ends.
- An acknowledgement by an older delivery's reply subject counts, also that of a member that slept and lost its pin.
  The consumer's count of unacknowledged messages alone does not tell then whether one is missing: see `_takeover`.
"""

from ameide_process.ingress.nats._transport import NatsTransport

__all__ = ["NatsTransport"]
