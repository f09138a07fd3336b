"""The STUN and TURN servers of ``[[xmpp.services]]``: who is told what of them (XEP-0215)."""

from collections.abc import Callable, Sequence

from clarion.config.chat import ServiceConfig
from clarion.core.events import PoliciesChanged
from clarion.core.ports import Router, SessionId
from clarion.lib.clock import Clock
from clarion.wire.xml import escape
from clarion.wire.xmpp.external_services import Service, limited, write_services


class ExternalServices:
    """What there is, and which sessions asked for it.

    Args:
        configured: ``[[xmpp.services]]``.
        domain: Who tells.
        router: Reaches sessions.
        clock: Says until when credentials hold.
        token: Makes a fresh unguessable text.

    """

    def __init__(
        self,
        configured: Sequence[ServiceConfig],
        domain: str,
        router: Router,
        clock: Clock,
        token: Callable[[], str],
    ) -> None:
        self._configured = tuple(configured)
        self._domain = domain
        self._router = router
        self._clock = clock
        self._token = token
        self._asked: dict[SessionId, tuple[str, str]] = {}

    def of(self, address: str, kind: str = "") -> list[Service]:
        """Return what a person is told, with credentials of their own.

        Args:
            address: Theirs.
            kind: Only these; ``""``: all.

        """
        return [self._told(one, address) for one in self._configured if kind in {"", one.type}]

    def asked(self, session: SessionId, full: str, kind: str) -> None:
        """Note that a client wants to hear of changes; its last word counts."""
        self._asked[session] = (full, kind)

    def ended(self, session: SessionId) -> None:
        """Forget a session."""
        self._asked.pop(session, None)

    def take_policies(self, event: PoliciesChanged) -> None:
        """Use the new settings, and tell who asked what has changed (section 3.2)."""
        before, now = self._configured, event.config.xmpp.services
        if before == now:
            return
        self._configured = now
        was = {_place(one): one for one in before}
        places = {_place(one) for one in now}
        for session, (full, kind) in list(self._asked.items()):
            address = full.partition("/")[0]
            told: list[tuple[Service, str]] = []
            for one in now:
                old = was.get(_place(one))
                if old != one:
                    told.append((self._told(one, address), "add" if old is None else "modify"))
            told += [
                (self._told(one, address), "delete") for one in before if _place(one) not in places
            ]
            told = [pair for pair in told if kind in {"", pair[0].kind}]
            if told:
                services, actions = zip(*told, strict=True)
                self._push(session, full, write_services(services, kind, actions))

    def _push(self, session: SessionId, full: str, payload: bytes) -> None:
        start = (
            f"<iq type='set' id='{self._token()}' from='{escape(self._domain)}'"
            f" to='{escape(full)}'>"
        )
        self._router.to_session(session, start.encode() + payload + b"</iq>")

    def _told(self, one: ServiceConfig, address: str) -> Service:
        username, password, expires = one.username, one.password.get_secret_value(), 0.0
        secret = one.secret.get_secret_value()
        if secret:
            until = int(self._clock.wall() + one.lifetime)
            username, password = limited(secret, address.partition("@")[0], until)
            expires = float(until)
        return Service(one.type, one.host, one.port, one.transport, username, password, expires)


def _place(one: ServiceConfig) -> tuple[str, str, int, str]:
    return one.type, one.host, one.port, one.transport
