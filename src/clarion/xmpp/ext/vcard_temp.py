"""vcard-temp: everybody's card, made from the directory and what the person adds (XEP-0054 1.3.0).

Everybody who is logged in may read every card (section 5 says that cards are
world-readable; the world is the organisation); the photo is the avatar
(``xmpp/avatars.py``) and shown to whoever may see that. See ``xmpp/vcard.py`` for what
the directory rules.
"""

from typing import Final
from xml.etree.ElementTree import Element

from clarion.core.model import Person
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp import avatars
from clarion.xmpp.context import Context
from clarion.xmpp.extension import Card, Extension
from clarion.xmpp.routing import local_person, recipient_of
from clarion.xmpp.vcard import (
    CARD_LIMIT_BYTES,
    NS,
    VCARD,
    contradictions,
    directory_part,
    own_part,
    whole,
)

vcard_temp = Extension(
    Card(
        name="vcard_temp",
        spec="XEP-0054",
        title="vcard-temp",
        version="1.3.0",
        test="tests/xmpp/test_vcard_temp.py",
        features=(NS,),
        account_features=(NS,),
    )
)

_WHOSE: Final = "a vCard is its owner's alone to change"


@vcard_temp.on_iq("get", VCARD, at=("account", "contact"))
async def get(context: Context, stanza: Stanza, card: Element) -> bytes:
    """Answer with somebody's card (sections 3.1 and 3.3).

    Raises:
        StanzaError: There is no such person; everybody else has a card.
        UnavailableError: The store cannot answer.

    """
    return await _card(context, local_person(context, recipient_of(context, stanza)))


@vcard_temp.on_iq("set", VCARD, at=("account",))
async def put(context: Context, stanza: Stanza, card: Element) -> None:
    """Keep what is the person's own of the card (section 3.2).

    Raises:
        StanzaError: It says something else than the directory where that
            rules, or is too large, or its photo is none; nothing has changed.
        UnavailableError: The store cannot keep it; nothing has changed.

    """
    services, person = context.services, context.person
    now = services.clock.wall()
    wrong = contradictions(card, directory_part(services.directory, person, now))
    if wrong:
        raise StanzaError(
            StanzaCondition.NOT_ALLOWED,
            f"{', '.join(wrong)}: the organisation's directory says this of you, and only an"
            " administrator can change it; what you add yourself may be anything else, such as"
            " a photo, a nickname, or a telephone number at home",
        )
    photo = avatars.photo_in(card)
    own = own_part(avatars.without_photo(card))
    if len(own) > CARD_LIMIT_BYTES:
        raise StanzaError(
            StanzaCondition.POLICY_VIOLATION,
            f"a vCard may have {CARD_LIMIT_BYTES} bytes beside the photo, this one has {len(own)}",
        )
    await services.cards.keep(person.number, own)
    async with services.nodes.change(person) as book:
        await avatars.adopt(context, book, photo)


@vcard_temp.on_iq("set", VCARD, at=("contact", "server"))
def put_elsewhere(context: Context, stanza: Stanza, card: Element) -> None:
    """Refuse (section 3.2)."""
    raise StanzaError(StanzaCondition.FORBIDDEN, _WHOSE)


async def _card(context: Context, person: Person) -> bytes:
    services = context.services
    own = await services.cards.card(person.number)
    photo = await avatars.photo_for(context, person)
    return whole(directory_part(services.directory, person, services.clock.wall()), own, photo)
