"""An operator with one account: how NATS servers trust users that they do not list, by `.creds` files.

Token format: https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/jwt; a JWT signed by an
Ed25519 key (nkey).
"""

import base64
import hashlib
import json
import secrets
import time
from pathlib import Path
from typing import Any, Final

import nkeys  # pyright: ignore[reportMissingTypeStubs] # ships none

_UNLIMITED: Final = -1
_nkeys: Any = nkeys  # it has no types


class NatsOperator:
    """Signs an account, and users of it.

    Attributes:
        account: Public key of the account.
    """

    def __init__(self) -> None:
        self._operator = _Signer(_nkeys.PREFIX_BYTE_OPERATOR)
        self._account = _Signer(_nkeys.PREFIX_BYTE_ACCOUNT)
        self._system = _Signer(_nkeys.PREFIX_BYTE_ACCOUNT)
        self.account: Final = self._account.public

    def server_settings(self) -> dict[str, Any]:
        """Returns what makes a server trust this operator."""
        limits: dict[str, Any] = {
            **dict.fromkeys(("subs", "conn", "leaf", "imports", "exports", "data", "payload"), _UNLIMITED),
            "wildcards": True,
        }
        jetstream = dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), _UNLIMITED)
        account = self._operator.sign(self._account.public, "devstack", "account", {"limits": {**limits, **jetstream}})
        system = self._operator.sign(self._system.public, "SYS", "account", {"limits": limits})
        operator = self._operator.sign(
            self._operator.public, "devstack", "operator", {"system_account": self._system.public}
        )
        return {
            "operator": operator,
            "system_account": self._system.public,
            "resolver": "MEMORY",
            "resolver_preload": {self._account.public: account, self._system.public: system},
        }

    def issue(self, path: Path, name: str) -> Path:
        """Writes a `.creds` file for a user of the account, who may do everything there."""
        user = _Signer(_nkeys.PREFIX_BYTE_USER)
        limits = dict.fromkeys(("subs", "data", "payload"), _UNLIMITED)
        token = self._account.sign(user.public, name, "user", {**limits, "pub": {}, "sub": {}})
        path.touch(mode=0o600)
        path.write_text(
            f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n"
        )
        return path


class _Signer:
    """A key pair of NATS."""

    def __init__(self, kind: int) -> None:
        self.seed: Final = _nkeys.encode_seed(secrets.token_bytes(32), kind).decode()
        self._pair: Any = _nkeys.from_seed(self.seed.encode())
        self.public: Final[str] = self._pair.public_key.decode()

    def sign(self, subject: str, name: str, kind: str, claims: dict[str, Any]) -> str:
        payload: dict[str, Any] = {
            "iat": int(time.time()),
            "iss": self.public,
            "sub": subject,
            "name": name,
            "nats": {"type": kind, "version": 2, **claims},
        }
        digest = hashlib.sha256(json.dumps(payload).encode())
        payload["jti"] = base64.b32encode(digest.digest()).decode().rstrip("=")
        text = ".".join(map(_encoded, (b'{"typ":"JWT","alg":"ed25519-nkey"}', json.dumps(payload).encode())))
        return f"{text}.{_encoded(self._pair.sign(text.encode()))}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def new_user_key() -> tuple[str, str]:
    """Makes a key for a user that a server lists.

    Returns:
        Its public key, for the server, and its seed, for the client.
    """
    user = _Signer(_nkeys.PREFIX_BYTE_USER)
    return user.public, user.seed
