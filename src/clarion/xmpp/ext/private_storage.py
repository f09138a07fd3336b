"""Private XML storage (XEP-0049 1.2): kept in a private node, bookmarks with the bookmarks."""

from xml.etree.ElementTree import Element

from clarion.wire.xml import serialise
from clarion.wire.xmpp.bookmarks import STORAGE
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp import bookmarks
from clarion.xmpp.context import Context
from clarion.xmpp.extension import Card, Extension
from clarion.xmpp.private_storage import NODE, QUERY, asked, keep, kept

private_storage = Extension(
    Card(
        name="private_storage",
        spec="XEP-0049",
        title="Private XML Storage",
        version="1.2",
        features=(NODE,),
        account_features=(NODE,),
        needs=("pep",),
        test="tests/talk/xmpp/xep0049_private.talk",
    )
)


@private_storage.on_iq("get", QUERY, at=("account",))
async def get(context: Context, stanza: Stanza, query: Element) -> bytes:
    """Return what is kept under the name that is asked for; nothing: the element as it came.

    Raises:
        StanzaError: Not one element is asked for (section 2.3).
        UnavailableError: The store cannot answer.

    """
    elements = asked(query)
    if len(elements) > 1:
        raise StanzaError(StanzaCondition.NOT_ACCEPTABLE, "one element is asked for at a time")
    tag = elements[0].tag
    book = await context.services.nodes.book(context.person)
    if tag == STORAGE:
        storage = await bookmarks.listed(book)
        found = [] if storage is None else [storage]
    else:
        found = await kept(book, tag)
    inner = b"".join(serialise(one, NODE) for one in found or elements)
    return b"<query xmlns='%s'>%s</query>" % (NODE.encode(), inner)


@private_storage.on_iq("set", QUERY, at=("account",))
async def put(context: Context, stanza: Stanza, query: Element) -> None:
    """Keep elements in place of those of the same names (section 2.3).

    Raises:
        StanzaError: There is none, or they are too large or too many.
        UnavailableError: The store cannot keep them.

    """
    elements = asked(query)
    services = context.services
    async with services.nodes.change(context.person) as book:
        rest = [one for one in elements if one.tag != STORAGE]
        if rest:
            await keep(book, rest, context.session.full, services.clock.wall())
        for storage in elements:
            if storage.tag == STORAGE:
                await bookmarks.put_old(context, book, storage)
                await bookmarks.spread(context, book)


@private_storage.on_iq("get", QUERY, at=("contact", "server"))
@private_storage.on_iq("set", QUERY, at=("contact", "server"))
def refuse(context: Context, stanza: Stanza, query: Element) -> None:
    """Refuse: it is private (section 2.3).

    Raises:
        StanzaError: Always.

    """
    raise StanzaError(StanzaCondition.FORBIDDEN, "private storage is its owner's alone")
