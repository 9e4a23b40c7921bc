"""Decides about each dead letter: reads it as today's ingress would, and applies filter and rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic

from ameide_process.configuration import BoundSubscription
from ameide_process.contract import EnvelopeT
from ameide_process.ingress import EVENT_BYTES, Decoder, Message, Partition
from ameide_process.invalid_event import InvalidEventError
from ameide_process.outputs import DeadLetterRecord
from ameide_process.redrive._selection import Filter, Known, Rules, Skip
from ameide_process.redrive._targets import Target, Targets, redrives
from ameide_process.routing import Route, Router, to_payload


@dataclass(frozen=True, slots=True)
class Judgement:
    """What becomes of a dead letter that was asked for."""

    skip: Skip | None
    """Why it is not replayed; None: it is."""
    target: Target | None
    fault: str
    """Why this version would dead-letter it again; empty: it would not, as far as can be told."""
    workflow_id: str | None
    event_key: str | None


class Judge(Generic[EnvelopeT]):
    """Decides about the dead letters of one process."""

    def __init__(
        self,
        router: Router[EnvelopeT],
        subscriptions: Mapping[str, BoundSubscription],
        targets: Targets,
        chosen: Filter,
        rules: Rules,
    ) -> None:
        """Prepares it.

        Args:
            router: Of the process; says what its ingress can read today.
            subscriptions: By logical name.
            targets: Where dead letters go back to.
            chosen: What is asked for.
            rules: What may be replayed.
        """
        self._decoders = {name: Decoder(router, bound.settings.format) for name, bound in subscriptions.items()}
        self._targets = targets
        self._chosen = chosen
        self._rules = rules

    def judge(self, letter: DeadLetterRecord, *, redriven: bool) -> Judgement | None:
        """Decides about a dead letter.

        Args:
            letter: The dead letter.
            redriven: Whether an earlier redrive replayed this record.

        Returns:
            What becomes of it; None where it was not asked for.
        """
        target = self._targets.of(letter)
        route, fault = self._read(letter, target)
        workflow_id = route.workflow_id if route else letter.workflow_id
        event_key = route.idempotency_key if route else letter.event_id
        if not self._chosen.matches(letter, workflow_id=workflow_id, event_key=event_key):
            return None
        known = Known(
            redriven=redriven,
            redrives=redrives(letter.headers),
            target=target.source if target else None,
            fault=fault,
        )
        return Judgement(self._rules.skip(letter, known), target, fault, workflow_id, event_key)

    def _read(self, letter: DeadLetterRecord, target: Target | None) -> tuple[Route | None, str]:
        """Reads it as the ingress would: where it would go, and what would be wrong."""
        if target is None:
            return None, ""
        decoder = self._decoders[target.subscription]
        partition = Partition(target.source, 0)
        try:
            decoded = decoder.decode(Message(partition, 0, letter.value, letter.key, letter.headers))
            size = len(to_payload(decoded.envelope).data)
        except InvalidEventError as error:
            return None, f"{error.reason.value}: {error}"
        except Exception as error:  # noqa: BLE001 - as the ingress takes it: a fault of the message
            return None, f"undecodable: {error!r}"
        if size > EVENT_BYTES:
            return decoded.route, f"too-large: the event has {size} bytes, and a signal takes {EVENT_BYTES}"
        return decoded.route, ""
