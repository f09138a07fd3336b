"""What the server itself does when certain nodes of a person change.

Everything happens under the owner's book, which the caller holds: what is
answered was done whole.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from clarion.wire.xmpp import avatars as images
from clarion.wire.xmpp import bookmarks as rooms
from clarion.wire.xmpp.node_config import PRIVATE, NodeConfig
from clarion.wire.xmpp.pubsub import Publish
from clarion.xmpp import avatars, bookmarks, private_storage, vcard4
from clarion.xmpp.context import Context
from clarion.xmpp.node_book import NodeBook

_CHECKS: Final[Mapping[str, Callable[[NodeBook, Publish], Publish]]] = {
    rooms.NS: bookmarks.check,
    rooms.OLD: bookmarks.check_old,
    images.DATA: avatars.check_data,
    images.METADATA: avatars.check_metadata,
}
_FOLLOWERS: Final[Mapping[str, Callable[[Context, NodeBook], Awaitable[None]]]] = {
    rooms.NS: bookmarks.follow,
    rooms.OLD: bookmarks.spread,
    images.DATA: avatars.refresh_data,
    images.METADATA: avatars.refresh,
}
_NEW: Final[Mapping[str, NodeConfig]] = {
    rooms.NS: PRIVATE,
    rooms.OLD: bookmarks.OLD_CONFIG,
    private_storage.NODE: PRIVATE,
    vcard4.NODE: vcard4.NEW,
}
_ANY: Final = NodeConfig()


def new_config(name: str) -> NodeConfig:
    """Return how a new node is set up where nobody says otherwise.

    Data that is meant for its owner alone is so from the start, also when a
    client forgets to say it.
    """
    return _NEW.get(name, _ANY)


def prepared(context: Context, book: NodeBook, request: Publish) -> Publish:
    """Look at what is about to be published; returns it, perhaps with the id that it must have.

    Raises:
        StanzaError: It cannot stand in that node.

    """
    if request.node == vcard4.NODE:
        return vcard4.check(context, book, request)
    check = _CHECKS.get(request.node)
    return request if check is None else check(book, request)


async def changed(context: Context, book: NodeBook, name: str) -> None:
    """Carry on what a change of a node brings with it.

    Raises:
        StanzaError: There is no room for it.
        UnavailableError: The store cannot keep it.

    """
    follow = _FOLLOWERS.get(name)
    if follow is not None:
        await follow(context, book)
