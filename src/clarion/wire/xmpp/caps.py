"""What an entity can do, and the verification string that names it (XEP-0115 1.6.0, XEP-0030).

``DiscoInfo`` is what a disco#info answer says. ``verification_string`` turns
it into a name, so that whoever has seen the name once need not ask again.
"""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element

from clarion.lib.errors import PeerError
from clarion.wire.xml import LANG
from clarion.wire.xmpp.forms import FORM_TYPE, TAG, FieldKind, Form, parse_form

NS: Final = "http://jabber.org/protocol/caps"
TAG_C: Final = f"{{{NS}}}c"
INFO: Final = "http://jabber.org/protocol/disco#info"
INFO_QUERY: Final = f"{{{INFO}}}query"

HASHES: Final = {"sha-1": "sha1", "sha-256": "sha256", "sha-512": "sha512"}
"""Names from IANA's "Hash Function Textual Names", and Python's; SHA-1 is mandatory (9.1)."""
IDENTITY_LIMIT: Final = 64
"""LIMIT: identities in an answer that is read: a few, in some languages each."""
FEATURE_LIMIT: Final = 1024
"""LIMIT: features in an answer that is read; the most talkative clients have about 150."""
FORM_LIMIT: Final = 32
"""LIMIT: extended forms in an answer that is read (XEP-0128); clients have one or two."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What kind of thing an entity is (XEP-0030 section 3.1).

    Attributes:
        category: Such as ``"client"``.
        kind: Its ``type``, such as ``"pc"``.
        name: For people; may be empty.
        lang: The ``xml:lang`` of the name; may be empty.

    """

    category: str
    kind: str
    name: str = ""
    lang: str = ""


@dataclass(frozen=True, slots=True)
class DiscoInfo:
    """What a disco#info answer says.

    Attributes:
        identities: What it is.
        features: What it can do.
        forms: More about it (XEP-0128); only those that have a hidden
            ``FORM_TYPE``, as the others count for nothing here (5.4).

    """

    identities: tuple[Identity, ...] = ()
    features: tuple[str, ...] = ()
    forms: tuple[Form, ...] = ()

    def ver(self, algorithm: str = "sha-1") -> str:
        """Return the verification string; see ``verification_string``."""
        return verification_string(self.identities, self.features, self.forms, algorithm)


@dataclass(frozen=True, slots=True)
class Caps:
    """What a ``<c/>`` in presence or among stream features says (section 4).

    Attributes:
        node: A URI that names the software.
        ver: The verification string.
        algorithm: The name of its hash; ``""`` in the legacy format, which
            cannot be verified (section 13).

    """

    node: str
    ver: str
    algorithm: str

    @property
    def query_node(self) -> str:
        """The node to ask disco#info about (section 6.2)."""
        return f"{self.node}#{self.ver}"

    @property
    def verifiable(self) -> bool:
        """Whether the hash is one that is known here (section 5.4, rules 1 and 2)."""
        return self.algorithm in HASHES


def verification_string(
    identities: Iterable[Identity],
    features: Iterable[str],
    forms: Iterable[Form] = (),
    algorithm: str = "sha-1",
) -> str:
    """Hash what an entity says of itself (section 5.1).

    Args:
        identities: In any order.
        features: In any order.
        forms: In any order; each has a ``FORM_TYPE``.
        algorithm: One of ``HASHES``.

    Raises:
        KeyError: The algorithm is none of them.

    """
    parts = [
        f"{_factor(one.category)}/{_factor(one.kind)}/{_factor(one.lang)}/{_factor(one.name)}<"
        for one in sorted(identities, key=_identity_order)
    ]
    parts += [f"{_factor(feature)}<" for feature in sorted(features, key=_octets)]
    for form in sorted(forms, key=lambda form: _octets(form.form_type)):
        parts.append(f"{_factor(form.form_type)}<")
        for field in sorted(form.fields, key=lambda field: _octets(field.name)):
            if field.name != FORM_TYPE:
                parts.append(f"{_factor(field.name)}<")
                parts += [f"{_factor(value)}<" for value in sorted(field.values, key=_octets)]
    digest = hashlib.new(HASHES[algorithm], _octets("".join(parts)), usedforsecurity=False)
    return base64.b64encode(digest.digest()).decode()


def parse_caps(element: Element) -> Caps:
    """Read a ``<c xmlns='http://jabber.org/protocol/caps'/>``.

    Raises:
        PeerError: It lacks ``node`` or ``ver``.

    """
    node, ver = element.get("node"), element.get("ver")
    if element.tag != TAG_C or not node or not ver:
        raise PeerError("entity capabilities have a node and a ver")
    return Caps(node, ver, element.get("hash", ""))


def parse_info(query: Element) -> DiscoInfo:
    """Read a disco#info answer.

    Raises:
        PeerError: It is ill-formed (section 5.4, rules 3.3 to 3.5), or longer
            than the limits of this file.

    """
    identities = tuple(
        Identity(
            one.get("category", ""), one.get("type", ""), one.get("name", ""), one.get(LANG, "")
        )
        for one in query.findall(f"{{{INFO}}}identity")
    )
    features = tuple(one.get("var", "") for one in query.findall(f"{{{INFO}}}feature"))
    found = query.findall(TAG)
    if len(identities) > IDENTITY_LIMIT or len(features) > FEATURE_LIMIT or len(found) > FORM_LIMIT:
        raise PeerError(
            f"at most {IDENTITY_LIMIT} identities, {FEATURE_LIMIT} features and {FORM_LIMIT} forms"
        )
    if len(set(identities)) < len(identities):
        raise PeerError("an identity is named twice")
    if len(set(features)) < len(features):
        raise PeerError("a feature is named twice")
    return DiscoInfo(identities, features, _typed_forms(found))


def _typed_forms(found: Iterable[Element]) -> tuple[Form, ...]:
    forms: dict[str, Form] = {}
    for element in found:
        form = parse_form(element)
        marks = [field for field in form.fields if field.name == FORM_TYPE]
        if not marks or marks[0].kind is not FieldKind.HIDDEN or not marks[0].values:
            continue
        if len(set(marks[0].values)) > 1:
            raise PeerError("a form has more than one FORM_TYPE")
        if form.form_type in forms:
            raise PeerError(f"the form {form.form_type} is there twice")
        forms[form.form_type] = form
    return tuple(forms.values())


def _identity_order(identity: Identity) -> tuple[bytes, bytes, bytes, bytes]:
    # Section 5.1, rule 2; the name decides only where a peer is at fault.
    return (
        _octets(identity.category),
        _octets(identity.kind),
        _octets(identity.lang),
        _octets(identity.name),
    )


def _octets(text: str) -> bytes:
    """Return what the collation "i;octet" compares (RFC 4790 section 9.3)."""
    return text.encode("utf-8", "surrogatepass")


def _factor(text: str) -> str:
    """Keep what somebody named apart from the "<" that ends a factor (the note of 5.1)."""
    return text.replace("<", "&lt;")
