"""The certificate: can it be used, for whom is it, who signed it, for how long."""

import ssl
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from clarion.cli.health.finding import Finding, bad, doubtful, good
from clarion.config.check import needs_tls
from clarion.config.model import Config
from clarion.lib import tls
from clarion.lib.errors import UsageError

PART: Final = "certificate"
SOON_DAYS: Final = 21
"""Left of its time when somebody should look: automatic renewal acts at 30."""
LAST_DAYS: Final = 3
_DAY: Final = 86_400
_RENEW: Final = "renew it, then `clarion reload`"


def look(config: Config, now: float, status: dict[str, Any] | None) -> Iterator[Finding]:
    """Look at the certificate's files.

    Args:
        config: Names them.
        now: UNIX seconds, UTC.
        status: What the running server says of itself; ``None`` when none runs.

    """
    if not needs_tls(config):
        yield good(PART, "no listener shows one")
        return
    certificate, key = config.tls.certificate, config.tls.key
    faults = tls.faults(certificate, key, now)
    for _, text in faults:
        yield bad(
            PART, text, "get one, e.g. with certbot; `clarion init` makes one to try things out"
        )
    try:
        chain = x509.load_pem_x509_certificates(certificate.read_bytes())
        names, (_, until) = tls.names(certificate), tls.validity(certificate)
    except (OSError, ValueError, UsageError):
        return  # it has an error of its own
    yield from _names(config.domain, names)
    yield from _browsers(config, names)
    if not faults:
        yield _time(until, now)
        yield _chain(chain, config.domain, now)
    shown = None if status is None else status.get("certificate_expires")
    if shown is not None and shown != until:
        yield doubtful(
            PART,
            "the running server shows another one than the file holds",
            "`clarion reload` makes it read the file again",
        )


def _names(domain: str, names: Sequence[str]) -> Iterator[Finding]:
    listed = ", ".join(names) or "no DNS name"
    if tls.covers(names, domain):
        yield good(PART, f"it is for {domain}")
    else:
        yield bad(
            PART,
            f"it is for {listed}; it does not name {domain}",
            f"get one for {domain}, whatever the machine is called (RFC 6120 section 13.7.2)",
        )


def _browsers(config: Config, names: Sequence[str]) -> Iterator[Finding]:
    """See whether the address of ``[web] public`` is named; behind a proxy, that one shows its."""
    if config.web is None or not config.web.listen or not config.web.public:
        return
    host = urlsplit(config.web.public).hostname or ""
    if host != config.domain and not tls.covers(names, host):
        yield doubtful(
            PART,
            f"it does not name {host}, which browsers reach (web.public)",
            f"get one that names {host} too, unless a proxy shows its own there",
        )


def _time(until: float, now: float) -> Finding:
    left = int((until - now) // _DAY)
    text = f"it is valid until {datetime.fromtimestamp(until, UTC):%Y-%m-%d}, {left} days"
    if left < LAST_DAYS:
        return bad(PART, text, _RENEW)
    return doubtful(PART, text, _RENEW) if left < SOON_DAYS else good(PART, text)


def _chain(chain: Sequence[x509.Certificate], domain: str, now: float) -> Finding:
    for issued, issuer in pairwise(chain):
        try:
            issued.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            return bad(
                PART,
                f"{_who(issued)} is not signed by the next in the file, {_who(issuer)}",
                "put the server's certificate first, then that of its issuer, and so on",
            )
    if _known(chain, domain, now):
        return good(PART, "clients know who signed it")
    if chain[-1].issuer == chain[-1].subject:
        return doubtful(
            PART,
            f"it is signed by {_who(chain[-1])}, whom clients do not know",
            "give clients that certificate, or get one from a public authority",
        )
    return doubtful(
        PART,
        "the file does not lead to an authority that clients know",
        "use the file with the whole chain (certbot: fullchain.pem)",
    )


def _known(chain: Sequence[x509.Certificate], domain: str, now: float) -> bool:
    """Say whether this machine's own list of authorities leads to it."""
    authorities = ssl.create_default_context().get_ca_certs(binary_form=True)
    loaded = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old authorities with odd certificates
        for one in authorities:
            with suppress(ValueError):  # the same, odder
                loaded.append(x509.load_der_x509_certificate(one))
    if not loaded:
        return False
    moment = datetime.fromtimestamp(now, UTC)
    try:
        policy = PolicyBuilder().store(Store(loaded)).time(moment)
        policy.build_server_verifier(x509.DNSName(domain)).verify(chain[0], list(chain[1:]))
    except (ValueError, VerificationError, x509.UnsupportedGeneralNameType):
        return False
    return True


def _who(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or "a nameless certificate"
