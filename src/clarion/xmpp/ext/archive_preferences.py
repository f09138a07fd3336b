"""What a person wants in their archive (XEP-0441 0.2.0)."""

from typing import Final
from xml.etree.ElementTree import Element, SubElement

from clarion.core.preferences import EVERYTHING, Policy, Preferences
from clarion.lib.errors import PeerError
from clarion.wire.xml import serialise
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.archive_request import NS
from clarion.xmpp.context import Context
from clarion.xmpp.extension import Card, Extension

PREFS: Final = f"{{{NS}}}prefs"
_JID: Final = f"{{{NS}}}jid"

archive_preferences = Extension(
    Card(
        name="archive_preferences",
        spec="XEP-0441",
        title="Message Archive Management Preferences",
        version="0.2.0",
        test="tests/xmpp/test_archive_preferences.py",
        needs=("archive",),
    )
)


@archive_preferences.on_iq("get", PREFS, at=("contact",))
@archive_preferences.on_iq("set", PREFS, at=("contact",))
def somebody_elses(context: Context, stanza: Stanza, payload: Element) -> bytes:
    """Refuse.

    Raises:
        StanzaError: Always.

    """
    raise StanzaError(StanzaCondition.FORBIDDEN, "preferences are their owner's alone")


@archive_preferences.on_iq("get", PREFS, at=("account",))
def show(context: Context, stanza: Stanza, payload: Element) -> bytes:
    """Tell what holds (section 2.1)."""
    return _written(context.services.preferences.of(context.person.number) or EVERYTHING)


@archive_preferences.on_iq("set", PREFS, at=("account",))
async def choose(context: Context, stanza: Stanza, payload: Element) -> bytes:
    """Replace what holds, then tell it.

    What is in the archive stays there: preferences speak of what comes.

    Raises:
        PeerError: They cannot be understood.
        JidError: A list names what is no JID.
        UsageError: The lists are longer than the limits.
        UnavailableError: The store cannot keep them.

    """
    chosen = _read(payload)
    await context.services.preferences.choose(context.person.number, chosen)
    return _written(chosen)


def _read(payload: Element) -> Preferences:
    try:
        fallback = Policy(payload.get("default", ""))
    except ValueError:
        raise PeerError("the default must be always, never or roster") from None
    return Preferences(fallback, _jids(payload, "always"), _jids(payload, "never"))


def _jids(payload: Element, name: str) -> frozenset[str]:
    found = payload.find(f"{{{NS}}}{name}")
    if found is None:
        return frozenset()
    return frozenset(parse_jid((jid.text or "").strip()).full for jid in found.findall(_JID))


def _written(preferences: Preferences) -> bytes:
    element = Element(PREFS, {"default": preferences.fallback.value})
    for name, jids in (("always", preferences.always), ("never", preferences.never)):
        listed = SubElement(element, f"{{{NS}}}{name}")
        for jid in sorted(jids):
            SubElement(listed, _JID).text = jid
    return serialise(element)
