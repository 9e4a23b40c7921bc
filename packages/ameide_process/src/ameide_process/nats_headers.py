"""Headers of NATS messages, which are text, and ours, which are bytes.

Attributes of CloudEvents are percent-encoded in headers, as the NATS binding of CloudEvents 1.0.2 (section 3.1.3)
defines; other headers travel as they are, and are percent-encoded only where NATS could not carry them. Those that
begin with `Nats-` it would obey (docs.nats.io, "Headers"): with the `Nats-Expected-Stream` that a producer set, every
other stream refuses a message for ever, and `Nats-TTL` has it deleted. So of those the name is encoded.
"""

from collections.abc import Iterable, Mapping
from urllib.parse import quote_from_bytes, unquote_to_bytes

_ATTRIBUTE = "ce-"
_ORDER = "Nats-"
"""Begins headers that tell the server what to do."""
EXPECTED_STREAM = "Nats-Expected-Stream"
"""Header with the name of the stream that is to take a message; any other refuses it."""
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_AS_IS_IN_ATTRIBUTES = "".join(each for each in _PRINTABLE if each not in '"%')


def read_headers(headers: Mapping[str, str] | None) -> list[tuple[str, bytes]]:
    """Makes ours of theirs."""
    if not headers:
        return []
    return [
        (name, unquote_to_bytes(value) if name.lower().startswith(_ATTRIBUTE) else value.encode())
        for name, value in headers.items()
    ]


def write_headers(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    """Makes theirs of ours. Of two with one name, which nats-py cannot write, the values are joined by a comma.

    A header without a value, which NATS does not know, gets an empty one.
    """
    written: dict[str, str] = {}
    for name, value in headers:
        if name.lower().startswith(_ATTRIBUTE):
            text = quote_from_bytes(value or b"", safe=_AS_IS_IN_ATTRIBUTES)
        else:
            text = _text(value or b"")
        written_name = written_as(name)
        if written_name:
            written[written_name] = f"{written[written_name]},{text}" if written_name in written else text
    return written


def written_as(name: str) -> str:
    """Returns the name of a header as NATS carries it; empty: it cannot."""
    if name.startswith(_ORDER):
        name = f"%{ord(name[0]):X}{name[1:]}"
    return quote_from_bytes(name.encode(), safe="".join(each for each in _PRINTABLE if each != ":"))


def _text(value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return quote_from_bytes(value, safe=_PRINTABLE)
    return text if text.isprintable() and text == text.strip() else quote_from_bytes(value, safe=_PRINTABLE)


def parse_header_block(block: bytes) -> dict[str, str]:
    """Reads headers as JetStream stores them: a version line, then one line each."""
    lines = [line.partition(b":") for line in block.split(b"\r\n")[1:] if line]
    return {name.decode("ascii", "replace").strip(): value.decode(errors="replace").strip() for name, _, value in lines}
