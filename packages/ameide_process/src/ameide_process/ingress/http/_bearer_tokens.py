"""The tokens that clients must show one of; from a file, which may change at any time."""

import hashlib
import hmac
import re
from pathlib import Path
from typing import Final

from ameide_process.ingress.http._refusal import RefusalError

MAX_FILE_BYTES: Final = 64 * 1024
"""More is no list of tokens."""

_CREDENTIALS = re.compile(rb"bearer +([!-~]+) *", re.IGNORECASE)
"""RFC 6750, section 2.1, with any visible character in the token."""

_CHALLENGE = ("WWW-Authenticate", 'Bearer realm="events"')
_CHALLENGE_INVALID = ("WWW-Authenticate", 'Bearer realm="events", error="invalid_token"')


class TokensUnreadableError(Exception):
    """The file has no token now; nobody is let in. The text says why, and never what stands in the file."""


class BearerTokens:
    """The tokens of one file."""

    def __init__(self, path: Path) -> None:
        """Knows none yet.

        Args:
            path: The file.
        """
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._digests: tuple[bytes, ...] = ()

    def read(self) -> tuple[bytes, ...]:
        """Returns the digest of each token, read anew where the file has changed.

        Raises:
            TokensUnreadableError: There is none.
        """
        try:
            # Follows the links that Kubernetes swaps when a Secret changes.
            status = self._path.stat()
            seen = (status.st_ino, status.st_mtime_ns, status.st_size)
            if seen != self._seen:
                if status.st_size > MAX_FILE_BYTES:
                    raise TokensUnreadableError(
                        f"{self._path} has more than {MAX_FILE_BYTES} bytes; is it the right file?"
                    )
                self._digests = tuple(map(_digest, self._path.read_bytes().split()))
                self._seen = seen
        except OSError as error:
            self._seen, self._digests = None, ()
            raise TokensUnreadableError(f"{self._path} cannot be read: {error.strerror}") from error
        if not self._digests:
            raise TokensUnreadableError(f"{self._path} is empty; write a token into it")
        return self._digests

    def check(self, credentials: list[bytes]) -> None:
        """Lets a request pass that shows one of the tokens.

        Args:
            credentials: Every Authorization header of the request.

        Raises:
            RefusalError: It shows none, or there is none to compare with.
        """
        try:
            digests = self.read()
        except TokensUnreadableError as error:
            raise RefusalError(
                503, "no-tokens", "the ingress has no tokens to compare with; see its /readyz", retry_after=10
            ) from error
        if not credentials:
            raise RefusalError(
                401, "unauthorized", "send the header Authorization: Bearer <token>", headers=(_CHALLENGE,), close=True
            )
        found = _CREDENTIALS.fullmatch(credentials[0]) if len(credentials) == 1 else None
        digest = _digest(found[1]) if found else b""
        # Each is compared, so that the time tells nothing of which one it is.
        matches = [hmac.compare_digest(digest, each) for each in digests]
        if not any(matches):
            detail = (
                "the token is none that is valid here" if found else "the Authorization header holds no bearer token"
            )
            raise RefusalError(401, "unauthorized", detail, headers=(_CHALLENGE_INVALID,), close=True)


def _digest(token: bytes) -> bytes:
    """What is compared in its stead: of one length, whatever the token's is."""
    return hashlib.sha256(token).digest()
