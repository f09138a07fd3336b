"""What a room tells everybody of one of them: presence with ``muc#user`` (XEP-0045 7.2.2, 9).

Written twice at most, with and without the real JID; only the addresses differ.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from clarion.core.rooms import Affiliation, Role
from clarion.wire.xmpp import muc
from clarion.wire.xmpp.parts import Parts, Sheet
from clarion.xmpp.rooms.occupants import Client, Occupant

GONE: Final = Parts(b"<presence", b" type='unavailable'", b"")


@dataclass(frozen=True, slots=True)
class News:
    """What is new about an occupant, beside what they are now.

    Attributes:
        parts: The presence itself; ``GONE`` for one who did not say so.
        affiliation: As it is told.
        role: As it is told; ``NONE``: they are out.
        codes: Status codes for everybody (section 15.6.2).
        own_codes: Status codes for the occupant's own clients, beside 110.
        nick: The new nickname: the presence is that of the old one (section 7.6).
        actor: The nickname of who did it.
        reason: Why.
        children: More children of the ``<x/>``, already written.

    """

    parts: Parts
    affiliation: Affiliation
    role: Role
    codes: tuple[int, ...] = ()
    own_codes: tuple[int, ...] = ()
    nick: str = ""
    actor: str = ""
    reason: str = ""
    children: tuple[bytes, ...] = ()

    @property
    def kind(self) -> str:
        """The type of the presence."""
        return "unavailable" if self.role is Role.NONE or self.nick else ""

    def sheet(
        self,
        occupant: Occupant,
        jid: str,
        *,
        own: bool,
        more: Iterable[int] = (),
        answers: str = "",
    ) -> Sheet:
        """Write it.

        Args:
            occupant: Whom it is about.
            jid: Their real full JID, for those who may see it, or ``""``.
            own: Whether it goes to the occupant.
            more: Codes for this client alone.
            answers: The ``id`` of what it answers, as it is written in an attribute.

        """
        codes = list(self.codes)
        if own:
            codes += [muc.Status.SELF, *self.own_codes, *more]
        item = muc.item(
            self.affiliation.word,
            self.role.word,
            jid=jid,
            nick=self.nick,
            actor=self.actor,
            reason=self.reason,
        )
        x = muc.user_x(item, *self.children, codes=codes)
        named = f" id='{answers}'".encode() if answers else b""
        return self.parts.sheet(occupant.sender, occupant.mark, x, occupant.hats, attributes=named)


def client_shown(occupant: Occupant) -> Client:
    """Return the client whose full JID stands for the occupant: the one that spoke last."""
    return next(reversed(occupant.clients.values()))
