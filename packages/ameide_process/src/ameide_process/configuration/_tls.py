"""TLS towards a server that we connect to."""

import ssl
from pathlib import Path

from pydantic import model_validator

from ameide_process.configuration._documents import Document


class ClientTls(Document):
    """TLS towards the server; every certificate and key by file, as Secrets are mounted."""

    ca_file: Path | None = None
    """Certificates to trust. The system's when unset."""
    cert_file: Path | None = None
    """Client certificate, for mutual TLS."""
    key_file: Path | None = None
    """Private key of the client certificate."""

    @model_validator(mode="after")
    def _certificate_has_its_key(self) -> "ClientTls":
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("set certFile and keyFile together")
        return self

    def context(self) -> ssl.SSLContext:
        """Loads the certificates.

        Raises:
            OSError: One cannot be read, does not belong to its key, or is none; `ssl.SSLError` is one.
        """
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.cert_file is not None and self.key_file is not None:
            context.load_cert_chain(self.cert_file, self.key_file, password="")
        return context

    def files(self) -> dict[str, Path]:
        """Returns the files that must exist, by setting."""
        named = {"caFile": self.ca_file, "certFile": self.cert_file, "keyFile": self.key_file}
        return {name: path for name, path in named.items() if path is not None}
