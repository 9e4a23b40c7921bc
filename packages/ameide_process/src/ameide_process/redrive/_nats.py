"""Dead letters on a subject of a NATS stream."""

import base64
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from nats.aio.client import Client

from ameide_process.configuration import NatsOutput
from ameide_process.jetstream import JetStreamError, ask_jetstream
from ameide_process.nats_connection import NatsConnectionError, close_nats, connect_nats
from ameide_process.nats_headers import parse_header_block, read_headers
from ameide_process.outputs import RECORD_KEY, OutputRecord
from ameide_process.redrive._stream import DeadLetterStreamError, StoredRecord

MESSAGE_NOT_FOUND: Final = 10037
"""Error code of JetStream's API."""


class NatsDeadLetters:
    """Messages of one subject, asked for one by one, without a consumer: nothing is left behind at the server."""

    def __init__(self, settings: NatsOutput, *, name: str) -> None:
        """Prepares reading; nothing is connected yet.

        Args:
            settings: Servers and subject.
            name: Of the output in OUTPUT_CONFIG, for messages to people.
        """
        self._settings = settings
        self._name = name
        self._client: Client | None = None
        self._stream = ""
        self._last = 0
        self._records = 0

    @property
    def where(self) -> str:
        """What it reads; see `DeadLetterSource`."""
        return f"{self._name} (nats subject {self._settings.subject} at {','.join(self._settings.servers)})"

    @property
    def records(self) -> int:
        """Messages of the subject; see `DeadLetterSource`."""
        return self._records

    async def open(self) -> None:
        """Connects and remembers the last sequence number; see `DeadLetterSource`."""
        subject = self._settings.subject
        try:
            client = self._client = await connect_nats(self._settings, name=f"redrive {self._name}")
            names = (await ask_jetstream(client, "STREAM.NAMES", {"subject": subject})).get("streams")
            if not names:
                raise DeadLetterStreamError(f"{self.where}: no stream takes this subject; check OUTPUT_CONFIG")
            self._stream = names[0]
            info = await ask_jetstream(client, f"STREAM.INFO.{self._stream}", {"subjects_filter": subject})
        except (NatsConnectionError, JetStreamError) as error:
            await self.close()
            raise self._failed(error) from error
        except BaseException:
            await self.close()
            raise
        self._last = int(info["state"]["last_seq"])
        subjects: dict[str, int] = info["state"].get("subjects") or {}
        self._records = subjects.get(subject, 0)

    async def read(self) -> AsyncIterator[Sequence[StoredRecord]]:
        """Reads up to the remembered sequence number; see `DeadLetterSource`."""
        client = self._client
        assert client is not None, "open before read"  # noqa: S101 - narrows the type
        position = 0
        while position < self._last:
            question = {"seq": position + 1, "next_by_subj": self._settings.subject}
            try:
                found = (await ask_jetstream(client, f"STREAM.MSG.GET.{self._stream}", question))["message"]
            except JetStreamError as error:
                if error.code == MESSAGE_NOT_FOUND:
                    return
                raise self._failed(error) from error
            position = int(found["seq"])
            if position <= self._last:
                yield [StoredRecord(0, position, _record(found))]

    async def close(self) -> None:
        """Releases the connection; see `DeadLetterSource`."""
        client, self._client = self._client, None
        if client is not None:
            await close_nats(client)

    def _failed(self, cause: Exception) -> DeadLetterStreamError:
        return DeadLetterStreamError(f"cannot read {self.where}: {cause}; check that NATS runs and lets us read")


def _record(found: dict[str, Any]) -> OutputRecord:
    headers = read_headers(parse_header_block(base64.b64decode(found.get("hdrs") or "")))
    keys = [value for name, value in headers if name == RECORD_KEY]
    return OutputRecord(
        base64.b64decode(found.get("data") or ""),
        keys[0] if keys else None,
        [header for header in headers if header[0] not in {RECORD_KEY, "Nats-Msg-Id"}],
    )
