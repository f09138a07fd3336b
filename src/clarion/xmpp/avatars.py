"""A person's avatar: two nodes, the photo in the vCard, and a mark in presence (XEP-0084, 0398).

The nodes hold the only copy. The photo in the vCard is put in when somebody
asks who may see both nodes; a photo that comes with a vCard goes into them.
The caller holds the person's book.
"""

from dataclasses import replace
from typing import Final
from xml.etree.ElementTree import Element, SubElement

from clarion.core.model import Person
from clarion.lib.errors import PeerError
from clarion.wire.xml import parse
from clarion.wire.xmpp.avatars import (
    DATA,
    DATA_TAG,
    METADATA,
    METADATA_TAG,
    NO_PHOTO,
    data_of,
    hash_of,
    image_of,
    mark_of,
    metadata_of,
    remarked,
    shown_image,
    type_of,
)
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.node_config import AccessModel, NodeConfig, refusal
from clarion.wire.xmpp.pubsub import Publish, self_contained
from clarion.xmpp import publishing
from clarion.xmpp.context import Context
from clarion.xmpp.node_book import NodeBook
from clarion.xmpp.nodes import MARKED
from clarion.xmpp.notices import shown, to_watchers
from clarion.xmpp.pep_notices import access_refused, tell_published
from clarion.xmpp.vcard import NS as VCARD_NS

OPEN: Final = NodeConfig(access=AccessModel.OPEN)
"""How the nodes are set up that a photo in a vCard makes: a vCard is for everybody."""

PHOTO: Final = f"{{{VCARD_NS}}}PHOTO"
_BINVAL: Final = f"{{{VCARD_NS}}}BINVAL"
_TYPE: Final = f"{{{VCARD_NS}}}TYPE"


def check_data(book: NodeBook, request: Publish) -> Publish:
    """Look at an image before it is published: its hash is its id (XEP-0084 section 3.1).

    Raises:
        StanzaError: It is none, or too large, or has another id.

    """
    if not request.payload:
        return request
    data = parse(request.payload)
    if data.tag != DATA_TAG:
        raise _invalid("an avatar's data is an element of that name")
    name = hash_of(image_of(data.text or ""))
    if request.item_id and request.item_id.lower() != name:
        raise StanzaError(
            StanzaCondition.NOT_ACCEPTABLE, "the item's id must be the SHA-1 of the image"
        )
    return request if request.item_id else replace(request, item_id=name)


def check_metadata(book: NodeBook, request: Publish) -> Publish:
    """Look at metadata before it is published.

    Raises:
        StanzaError: It is none.

    """
    if request.payload and parse(request.payload).tag != METADATA_TAG:
        raise _invalid("an avatar's metadata is an element of that name")
    return request


async def current(book: NodeBook) -> tuple[str, str] | None:
    """Return id and type of the image that a person shows; ``None``: none.

    Raises:
        UnavailableError: The store cannot answer.

    """
    metadata, data = book.get(METADATA), book.get(DATA)
    if metadata is None or data is None:
        return None
    item = await book.last(metadata)
    found = None if item is None else shown_image(item.payload)
    return found if found is not None and found[0] in data.items else None


async def refresh(context: Context, book: NodeBook) -> None:
    """Mark the presence of the session's person with their avatar as it is by now.

    Raises:
        UnavailableError: The store cannot answer.

    """
    found, metadata = await current(book), book.get(METADATA)
    mark = b""
    if found is not None and metadata is not None and metadata.config.access in MARKED:
        mark = mark_of(found[0])
    if context.services.nodes.put_photo(book.address, mark):
        _show(context, mark or NO_PHOTO)


async def refresh_data(context: Context, book: NodeBook) -> None:
    """The same after a change of images.

    A new one that makes room for the one shown comes before its metadata:
    meanwhile the old mark stands.

    Raises:
        UnavailableError: The store cannot answer.

    """
    data = book.get(DATA)
    if data is None or not data.items or await current(book) is not None:
        await refresh(context, book)


def photo_in(card: Element) -> tuple[bytes, str] | None:
    """Return the image that a vCard holds, and its type as the card says; ``None``: none.

    Raises:
        StanzaError: It is no image, or too large.

    """
    for photo in card.findall(PHOTO):
        text = photo.findtext(_BINVAL) or ""
        if text.strip():
            return image_of(text), (photo.findtext(_TYPE) or "").strip()
    return None


def without_photo(card: Element) -> Element:
    """Return a vCard without the photos that it holds; those elsewhere on the web stay."""
    rest = Element(card.tag)
    rest.extend(one for one in card if one.tag != PHOTO or one.find(_BINVAL) is None)
    return rest


async def adopt(context: Context, book: NodeBook, photo: tuple[bytes, str] | None) -> None:
    """Publish the photo of a vCard that the person set; ``None``: show none (XEP-0398 3.2).

    Raises:
        StanzaError: There is no room for it.
        UnavailableError: The store cannot keep it.

    """
    before = await current(book)
    if photo is None:
        if before is not None:
            await _publish(context, book, METADATA, "", Element(METADATA_TAG))
    else:
        image, said = photo
        name = hash_of(image)
        if before is not None and before[0].lower() == name:
            return
        await _publish(context, book, DATA, name, data_of(image))
        await _publish(context, book, METADATA, name, metadata_of(image, said))
    await refresh(context, book)


async def photo_for(context: Context, person: Person) -> Element | None:
    """Return a person's photo as it stands in a vCard, if the requester may see it.

    Raises:
        UnavailableError: The store cannot answer.

    """
    services = context.services
    own = person.address == context.account
    if not own and person.address not in services.nodes.photos:
        return None
    book = await services.nodes.book(person)
    found, data, metadata = await current(book), book.get(DATA), book.get(METADATA)
    if found is None or data is None or metadata is None:
        return None
    if not own:
        roster = await services.rosters.book(person)
        if any(access_refused(node, roster, context.account) for node in (data, metadata)):
            return None
    item = await book.item(data, found[0])
    return None if item is None else _photo(item.payload, found[1])


def _photo(payload: bytes, said: str) -> Element | None:
    try:
        image = image_of(parse(payload).text or "")
    except PeerError:
        return None
    photo = Element(PHOTO)
    SubElement(photo, _TYPE).text = type_of(image, said)
    SubElement(photo, _BINVAL).text = data_of(image).text
    return photo


async def _publish(
    context: Context, book: NodeBook, node: str, name: str, payload: Element
) -> None:
    services = context.services
    published = await publishing.publish(
        book,
        Publish(node, has_item=True, payload=self_contained(payload)),
        name or services.token(),
        context.session.full,
        services.clock.wall(),
        OPEN,
    )
    await tell_published(context, published)


def _show(context: Context, mark: bytes) -> None:
    """Send the presence of the person's sessions again, with another mark (XEP-0153 3.1)."""
    services, entity = context.services, context.entity
    roster = services.rosters.cached(context.account)
    for session in entity.available():
        assert session.presence is not None, "or it would not be available"
        raw = remarked(session.presence, mark)
        if raw == session.presence:
            continue
        session.presence = raw
        notice = shown(session)
        own = notice.to(context.account)
        for other in entity.available():
            other.send(own)
        if roster is not None:
            to_watchers(services, context.people, roster, notice)


def _invalid(text: str) -> StanzaError:
    return refusal(StanzaCondition.BAD_REQUEST, "invalid-payload", text)
