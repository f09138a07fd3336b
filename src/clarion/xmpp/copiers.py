"""One person's clients that want copies of what the others get and send (XEP-0280).

A copy of an archived item counts like the item itself where the session takes
messages (``reach.py``): acknowledged, the item has reached one of the person's
clients, and is not delivered again when the session that it was addressed to
never comes back. To a session that takes no messages a copy is a courtesy:
what nobody else has acknowledged still waits.
"""

from collections.abc import Iterable
from typing import Final

from clarion.core.ports import ItemRef, Parcel
from clarion.wire.xmpp.names import CLIENT
from clarion.wire.xmpp.splice import with_namespace
from clarion.xmpp.copies import copy_of
from clarion.xmpp.reach import Reach
from clarion.xmpp.sent import NAME_LIMIT
from clarion.xmpp.session import Session

ANSWERABLE_LIMIT: Final = 64
"""LIMIT: copied messages of a person that are remembered, some 15 KiB when all are used, so
that an error which answers one is copied too; errors come soon or never."""


class Copiers:
    """Sends copies.

    Args:
        account: The person's bare JID.
        reach: What has reached the person.
        sessions: Those that want copies.

    """

    __slots__ = ("_account", "_answerable", "_reach", "_sessions")

    def __init__(self, account: str, reach: Reach, sessions: Iterable[Session]) -> None:
        self._account = account
        self._reach = reach
        self._sessions = tuple(sessions)
        self._answerable: dict[tuple[str, str], None] = {}

    def change(self, sessions: Iterable[Session]) -> None:
        """Send copies to these sessions from now on."""
        self._sessions = tuple(sessions)

    def others(self, sender: Session) -> bool:
        """Whether anybody but ``sender`` wants copies."""
        return self._sessions != (sender,)

    def received(self, parcel: Parcel, addressee: Session | None, *, taken: bool) -> None:
        """Copy what came for the person to those who did not get it (section 7).

        Args:
            parcel: May be copied.
            addressee: The session that it was addressed to and delivered to;
                ``None``: it went to all sessions that take messages.
            taken: Whether any session got it; else it waits, if it is kept.

        """
        if self._sessions == (addressee,):
            return
        name = (parcel.sender.partition("/")[0], parcel.copy or "")
        if not self._remember(name, parcel.kind):
            return
        original = b""
        for session in self._sessions:
            if session.ended or session is addressee or session.full == parcel.sender:
                continue
            if addressee is None and session.takes_messages:
                continue
            if not taken and parcel.item is not None and session.presence is None:
                continue  # it gets the message itself when it becomes available
            original = original or with_namespace(parcel.stanza, CLIENT)
            copy = copy_of(original, "received", self._account, session.full, parcel.kind)
            if parcel.fleeting:
                session.send_fleeting(copy, f"received {parcel.sender}")
            else:
                self._hand(session, copy, parcel.item if taken else None)

    def sent(self, sender: Session, peer: str, parcel: Parcel) -> None:
        """Copy what one of the person's sessions sent to the others (section 8).

        Args:
            sender: The session that sent it, which gets no copy.
            peer: The bare JID of the recipient.
            parcel: What went out, with the stanza as the sender's archive has it.

        """
        if not self._remember((peer, parcel.copy or ""), parcel.kind):
            return
        original = b""
        for session in self._sessions:
            if session.ended or session is sender:
                continue
            original = original or with_namespace(parcel.stanza, CLIENT)
            copy = copy_of(original, "sent", self._account, session.full, parcel.kind)
            if parcel.fleeting:
                session.send_fleeting(copy, f"sent {peer}")
            else:
                session.send(copy)

    def bounced(self, sender: Session, peer: str, message_id: str, error: bytes) -> None:
        """Copy the server's own error for a message of which others have a copy.

        Args:
            sender: The session that sent the message, and was told.
            peer: The bare JID of its recipient.
            message_id: Its id.
            error: The whole error.

        """
        if (peer, message_id) in self._answerable:
            original = with_namespace(error, CLIENT)
            for session in self._sessions:
                if session is not sender and not session.ended:
                    session.send(
                        copy_of(original, "received", self._account, session.full, "error")
                    )

    def _remember(self, name: tuple[str, str], kind: str) -> bool:
        """Remember a message; ``False``: it is an error that answers none (section 6.1)."""
        if kind == "error":
            return name in self._answerable
        if name[1] and len(name[1]) <= NAME_LIMIT:
            self._answerable[name] = None
            if len(self._answerable) > ANSWERABLE_LIMIT:
                del self._answerable[next(iter(self._answerable))]
        return True

    def _hand(self, session: Session, copy: bytes, item: ItemRef | None) -> None:
        backlog = session.catching_up
        if item is None or not session.takes_messages or (backlog is not None and backlog.full):
            session.send(copy)
            return
        self._reach.handed(item.item, session.id)
        if backlog is None:
            session.send(copy, item)
        else:
            backlog.stanzas[item.item] = (copy, item)
