"""JSON Web Tokens with Temporal's permissions, and the key set by which the server checks them."""

import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Final

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

_ALGORITHM: Final = "RS256"  # with ES256 the only ones that the Temporal server takes
_KEY_BITS: Final = 2048


class TokenIssuer:
    """Signs tokens with a key of its own.

    Attributes:
        key_set_path: File with the public key as a JSON Web Key Set; a Temporal server reads it by a `file:` URI.
    """

    def __init__(self, folder: Path, name: str = "jwks") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.key_set_path: Final = folder / f"{name}.json"
        self._key = self.rotate()

    def rotate(self) -> RSAKey:
        """Replace the key; a server refuses earlier tokens once it has read the key set again."""
        self._key = RSAKey.generate_key(_KEY_BITS, {"use": "sig", "alg": _ALGORITHM}, auto_kid=True)
        # Renamed into place: a server that reads now must not see half a file.
        fresh = self.key_set_path.with_suffix(".new")
        fresh.write_text(json.dumps(KeySet([self._key]).as_dict(private=False)))
        fresh.rename(self.key_set_path)
        return self._key

    def token(self, *permissions: str, subject: str = "devstack", valid_for: timedelta = timedelta(hours=1)) -> str:
        """Sign a token.

        Args:
            permissions: `<namespace>:<role>`, role one of read, write, worker and admin; the namespace
                `temporal-system` stands for the whole cluster.
            subject: Whom the token names.
            valid_for: Time from now to expiry; a negative one makes a token that has expired.
        """
        now = int(time.time())
        claims = {
            "sub": subject,
            "iat": now,
            "exp": now + int(valid_for.total_seconds()),
            "permissions": list(permissions),
        }
        return jwt.encode({"alg": _ALGORITHM, "kid": self._key.kid}, claims, self._key)
