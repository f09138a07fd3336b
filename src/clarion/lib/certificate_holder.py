"""The certificate in use: contexts for listeners, channel bindings, replacement at run time."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from clarion.lib.errors import UsageError
from clarion.lib.tls import (
    XMPP_CLIENT,
    channel_bindings,
    covers,
    faults,
    names,
    server_context,
    validity,
)

_NO_ALPN: Final[tuple[str, ...]] = ()
_HTTP: Final = "http/1.1"


class CertificateHolder:
    """One certificate for every door.

    Args:
        certificate: PEM: the server's certificate first, then its issuers'.
        key: PEM, not encrypted.
        minimum: The oldest version of TLS that is spoken.
        now: UNIX seconds, UTC.

    Attributes:
        starttls: For connections that turn to TLS.
        direct: For connections that begin with TLS (XEP-0368).
        https: For browsers.
        expires: UNIX seconds, UTC, until which it is valid.

    Raises:
        UsageError: The files cannot be used; one line.

    """

    def __init__(
        self, certificate: Path, key: Path, *, minimum: Literal["1.2", "1.3"], now: float
    ) -> None:
        self._certificate = certificate
        self._key = key
        self.starttls = server_context(certificate, key, alpn=_NO_ALPN, now=now, minimum=minimum)
        self.direct = server_context(
            certificate, key, alpn=(XMPP_CLIENT,), now=now, minimum=minimum
        )
        self.https = server_context(certificate, key, alpn=(_HTTP,), now=now, minimum=minimum)
        self._pem = certificate.read_bytes()
        self.expires = validity(certificate)[1]
        self._others: list[ssl.SSLContext] = []

    def show_in(self, context: ssl.SSLContext) -> None:
        """Show the certificate in a context of somebody else's, and go on after a reload.

        Raises:
            UsageError: OpenSSL refuses it.

        """
        try:
            context.load_cert_chain(self._certificate, self._key)
        except (ssl.SSLError, OSError) as error:
            raise UsageError(f"{self._certificate}: OpenSSL refuses it: {error}") from None
        self._others.append(context)

    def bindings(self, connection: Any) -> Mapping[str, bytes]:
        """Return the channel bindings of a TLS connection that has just been made."""
        return channel_bindings(connection, self._pem) if connection is not None else {}

    def doubts(self, domain: str) -> tuple[str, ...]:
        """Return why clients may not trust it for ``domain``, a line each."""
        given = names(self._certificate)
        if covers(given, domain):
            return ()
        listed = ", ".join(given) or "no DNS name"
        return (f"{self._certificate} is for {listed}; it does not name {domain}",)

    def reload(self, now: float) -> tuple[str, ...]:
        """Show the files as they are now to whoever connects from now on.

        Args:
            now: UNIX seconds, UTC.

        Returns:
            What is wrong with them, a line each; then nothing has changed.

        """
        wrong = tuple(text for _, text in faults(self._certificate, self._key, now))
        if wrong:
            return wrong
        try:
            for context in (self.starttls, self.direct, self.https, *self._others):
                context.load_cert_chain(self._certificate, self._key)
        except (ssl.SSLError, OSError) as error:
            return (f"{self._certificate}: {error}",)
        self._pem = self._certificate.read_bytes()
        self.expires = validity(self._certificate)[1]
        return ()
