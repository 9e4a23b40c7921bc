"""Outputs on subjects of NATS streams."""

import asyncio
from typing import Final

from nats.aio.client import Client
from nats.errors import Error, MaxPayloadError, NoRespondersError
from nats.js import JetStreamContext
from nats.js.errors import APIError, NoStreamResponseError

from ameide_process.configuration import NatsOutput
from ameide_process.jetstream import JetStreamError, ask_jetstream
from ameide_process.nats_connection import NatsConnectionError, close_nats, connect_nats
from ameide_process.nats_headers import EXPECTED_STREAM, write_headers
from ameide_process.outputs._output import OutputRecord, OutputTooLargeError, OutputUnavailableError

PUBLISH_TIMEOUT: Final = 20.0
"""Seconds for everything: connecting, the record, and the stream's acknowledgement."""

ACKNOWLEDGEMENT_TIMEOUT: Final = 10.0
"""Seconds for the stream's acknowledgement."""

MESSAGE_ID: Final = "Nats-Msg-Id"
"""Header by which a stream drops what it has taken already, within its duplicate window."""

RECORD_KEY: Final = "record-key"
"""Header for a record's key; NATS knows none."""

_OTHER_STREAM: Final = 10060
"""Error code of JetStream's API: not the expected stream."""

_MESSAGE_TOO_LARGE: Final = 10054
"""Error code of JetStream's API: larger than the stream's max_msg_size."""


class NatsStreamOutput:
    """One subject, whose stream acknowledges every record.

    Records are written at least once; of those with an id the stream drops repetitions within its duplicate window.
    The first record connects, so that an output whose server is away does not keep a program from starting.
    """

    def __init__(self, settings: NatsOutput, *, name: str) -> None:
        """Prepares the output; nothing is connected yet.

        Args:
            settings: Servers and subject.
            name: Name of the output, for messages to people.
        """
        self._settings = settings
        self._name = name
        self._client: Client | None = None
        self._connecting = asyncio.Lock()

    async def publish(self, record: OutputRecord) -> None:
        """Writes a record; see `Output`."""
        headers = write_headers(record.headers)
        if record.key is not None:
            headers |= write_headers([(RECORD_KEY, record.key)])
        if record.id is not None:
            headers[MESSAGE_ID] = record.id
        if record.stream:
            headers[EXPECTED_STREAM] = record.stream
        subject = record.subject or self._settings.subject
        size = len(record.value) + sum(len(name) + len(value.encode()) + 4 for name, value in headers.items()) + 12
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT):
                client = await self._connected()
                if size > client.max_payload:
                    raise OutputTooLargeError(size=size, limit="max_payload of the NATS server")
                await JetStreamContext(client).publish(
                    subject, record.value, timeout=ACKNOWLEDGEMENT_TIMEOUT, headers=headers
                )
        except MaxPayloadError as error:
            raise OutputTooLargeError(size=size, limit="max_payload of the NATS server") from error
        except (NoStreamResponseError, NoRespondersError) as error:
            raise self._unavailable(_no_stream(subject), subject) from error
        except APIError as error:
            if error.err_code == _MESSAGE_TOO_LARGE:
                limit = f"max_msg_size of the NATS stream that takes {subject}"
                raise OutputTooLargeError(size=size, limit=limit) from error
            other = f"another stream than {record.stream} takes this subject; name one of that stream"
            what = other if error.err_code == _OTHER_STREAM else error.description or str(error)
            raise self._unavailable(what, subject) from error
        except (NatsConnectionError, Error, OSError, TimeoutError) as error:
            raise self._unavailable(_what(error), subject) from error

    async def look(self) -> None:
        """Asks which stream takes the subject; see `Output`."""
        subject = self._settings.subject
        try:
            client = await self._connected()
            found = await ask_jetstream(client, "STREAM.NAMES", {"subject": subject})
        except (NatsConnectionError, JetStreamError) as error:
            raise self._unavailable(str(error), subject) from error
        if not found.get("streams"):
            raise self._unavailable(_no_stream(subject), subject)

    async def close(self) -> None:
        """Releases the connection; see `Output`."""
        client, self._client = self._client, None
        if client is not None:
            await close_nats(client)

    def _unavailable(self, what: str, subject: str) -> OutputUnavailableError:
        where = ",".join(self._settings.servers)
        return OutputUnavailableError(f"output {self._name} (nats subject {subject} at {where}): {what}")

    async def _connected(self) -> Client:
        async with self._connecting:
            # One that the server has thrown out does not come back by itself.
            if self._client is None or self._client.is_closed:
                self._client = await connect_nats(self._settings, name=f"output {self._name}")
            if not self._client.is_connected:
                raise NatsConnectionError("the server is away; check servers, and that NATS runs there")
            return self._client


def _no_stream(subject: str) -> str:
    return f"no stream takes this subject; create one, or add {subject} to its subjects"


def _what(error: Exception) -> str:
    return "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
