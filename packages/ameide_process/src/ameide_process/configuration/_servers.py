"""Addresses of the servers that a connection begins with."""

from collections.abc import Iterable
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from ameide_process.configuration._documents import split_commas

_LARGEST_PORT: Final = 65_535


def check_server(value: str) -> str:
    """Returns an address, host:port.

    Raises:
        ValueError: It is none, which the text says without what may be a password.
    """
    host, _, port = value.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal()) or "@" in host or "/" in host:
        raise ValueError("write host:port, without scheme and credentials")
    if len(port) > len(str(_LARGEST_PORT)) or not 1 <= int(port) <= _LARGEST_PORT:
        raise ValueError(f"write host:port, the port from 1 to {_LARGEST_PORT}")
    return value


def _check_all(value: list[str]) -> list[str]:
    return [check_server(each) for each in value]


Servers: TypeAlias = Annotated[
    list[str], BeforeValidator(split_commas), Field(min_length=1), AfterValidator(_check_all)
]
"""host:port of some servers of a cluster; a list, or one string with commas."""


def share_server(one: Iterable[str], other: Iterable[str]) -> bool:
    """Says whether two lists surely mean the same cluster: both name one of its servers."""
    return not {each.lower() for each in one}.isdisjoint(each.lower() for each in other)
