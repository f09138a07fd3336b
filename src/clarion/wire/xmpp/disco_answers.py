"""Answers to service discovery (XEP-0030 2.5, sections 3 and 4)."""

from collections.abc import Iterable
from typing import Final
from xml.etree.ElementTree import Element

from clarion.wire.xml import escape, serialise
from clarion.wire.xmpp.caps import Identity
from clarion.wire.xmpp.forms import Form

ITEMS: Final = "http://jabber.org/protocol/disco#items"
ITEMS_QUERY: Final = f"{{{ITEMS}}}query"


def item(jid: str, name: str = "") -> bytes:
    """Write one item of a list (section 4)."""
    named = f" name='{escape(name)}'" if name else ""
    return f"<item jid='{escape(jid)}'{named}/>".encode()


def info(
    identities: Iterable[Identity], features: Iterable[str], forms: Iterable[Form] = ()
) -> bytes:
    """Write what stands inside of an answer that says what something is and can do."""
    told = b"".join(_identity(one) for one in identities)
    told += "".join(f"<feature var='{escape(feature)}'/>" for feature in features).encode()
    return told + b"".join(serialise(form.to_element()) for form in forms)


def _identity(identity: Identity) -> bytes:
    name = f" name='{escape(identity.name)}'" if identity.name else ""
    lang = f" xml:lang='{escape(identity.lang)}'" if identity.lang else ""
    return (
        f"<identity category='{escape(identity.category)}'"
        f" type='{escape(identity.kind)}'{name}{lang}/>"
    ).encode()


def answer(query: Element, namespace: str, inner: bytes) -> bytes:
    """Write an answer; it names the node that was asked for.

    Args:
        query: What was asked.
        namespace: ``INFO`` or ``ITEMS``.
        inner: What is inside of it, already written.

    """
    node = query.get("node")
    echoed = "" if node is None else f" node='{escape(node)}'"
    return f"<query xmlns='{namespace}'{echoed}>".encode() + inner + b"</query>"
