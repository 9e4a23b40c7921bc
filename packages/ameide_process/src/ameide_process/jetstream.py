"""JetStream's API, asked as its protocol defines it.

nats-py has methods for it, but not for pinned consumers, and its types leave out what we must check.
Source: https://docs.nats.io/reference/reference-protocols/nats_api_reference and ADR-42 (priority groups).
"""

import json
from typing import Any, Final

from nats.aio.client import Client
from nats.errors import Error, NoRespondersError

STREAM_NOT_FOUND: Final = 10059
CONSUMER_NOT_FOUND: Final = 10014
CONSUMER_EXISTS: Final = 10148
"""Error codes of the API; the list stands in the server's sources, server/errors.json."""

REQUEST_TIMEOUT: Final = 2.5
"""Seconds for one question."""


class JetStreamError(Exception):
    """JetStream refuses, or does not answer.

    Attributes:
        code: Error code of the API; 0 where there was no answer.
    """

    def __init__(self, text: str, code: int = 0) -> None:
        super().__init__(text)
        self.code = code


async def ask_jetstream(client: Client, subject: str, question: object = None) -> dict[str, Any]:
    """Asks the API.

    Args:
        client: Connected.
        subject: Of the API, without `$JS.API.`.
        question: What goes out as JSON; None: nothing.

    Raises:
        JetStreamError: It refuses, or does not answer.
    """
    body = b"" if question is None else json.dumps(question).encode()
    try:
        answer = await client.request(f"$JS.API.{subject}", body, timeout=REQUEST_TIMEOUT)
    except NoRespondersError as error:
        raise JetStreamError("no JetStream there for us; is it enabled at the server, and for this account?") from error
    except (Error, OSError, TimeoutError) as error:
        raise JetStreamError("no answer in time" if isinstance(error, TimeoutError) else str(error)) from error
    content: dict[str, Any] = json.loads(answer.data)
    if refusal := content.get("error"):
        raise JetStreamError(str(refusal.get("description")), int(refusal.get("err_code", 0)))
    return content
