"""Where credentials stand in spec and Secrets, in words for people; nothing of their content."""

from dataclasses import dataclass
from typing import Final

from ameide_operator.planning import API_KEY

TLS_FIELD: Final = "spec.temporal.tls.secretRef"
API_KEY_FIELD: Final = "spec.temporal.apiKeySecretRef"
ADMIN_FIELD: Final = "spec.temporal.namespaceManagement.adminSecretRef"


@dataclass(frozen=True, slots=True)
class SecretPlace:
    """A Secret, and the field of spec that names it."""

    secret: str
    field: str

    def __str__(self) -> str:
        """As people look for it."""
        return f"Secret {self.secret!r} ({self.field})"


@dataclass(frozen=True, slots=True)
class CredentialPlaces:
    """Where a client's credentials come from, and which of them there are."""

    authority: SecretPlace | None = None
    """Where ca.crt is, or would be; None: spec names no Secret for it."""
    has_authority: bool = False
    pair: SecretPlace | None = None
    """Likewise of tls.crt and tls.key."""
    has_pair: bool = False
    api_key: SecretPlace | None = None
    api_key_name: str = API_KEY
    """Its key in the Secret's data."""
    has_api_key: bool = False

    @property
    def is_admin(self) -> bool:
        """Whether they are those for managing namespaces alone."""
        return self.api_key is not None and self.api_key.field == ADMIN_FIELD

    @property
    def trust_advice(self) -> str:
        """What to do about a certificate of the server that is not trusted."""
        if self.authority is None:
            return f"name a Secret with ca.crt in {TLS_FIELD}"
        return f"{'correct ca.crt in' if self.has_authority else 'add ca.crt to'} {self.authority}"

    @property
    def pair_advice(self) -> str:
        """What to do where the server wants a client certificate, or another one."""
        if self.pair is None:
            return f"set spec.temporal.tls.mode to mTLS and name a Secret with tls.crt and tls.key in {TLS_FIELD}"
        return f"{'replace tls.crt and tls.key in' if self.has_pair else 'add tls.crt and tls.key to'} {self.pair}"

    @property
    def shown(self) -> str:
        """What the server knows the client by."""
        if self.has_api_key:
            return f"the API key in {self.api_key_name!r} of {self.api_key}"
        return f"the client certificate in {self.pair}" if self.has_pair else "a client without an API key"

    @property
    def access_advice(self) -> str:
        """What to do where the client lacks rights."""
        if self.has_api_key:
            return "grant it access"
        where = (
            f"add {self.api_key_name!r} to {self.api_key}" if self.api_key else f"name an API key in {API_KEY_FIELD}"
        )
        return f"grant it access, or {where}" if self.has_pair else where
