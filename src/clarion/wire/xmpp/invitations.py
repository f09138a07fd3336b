"""Invitations on the wire: tokens before log-in, and the links that carry them.

XEP-0401 0.6.0, XEP-0445 0.2.0; the token's element is XEP-0379's.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote
from xml.etree.ElementTree import Element

from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.forms import Form, FormKind, text_field, type_field
from clarion.wire.xmpp.stamps import utc

FEATURE: Final = "urn:xmpp:ibr-token:0"
PREAUTH: Final = "{urn:xmpp:pars:0}preauth"
CREATE_ACCOUNT: Final = "urn:xmpp:invite#create-account"
INVITATION: Final = "urn:xmpp:invite#invitation"
TOKEN_LIMIT: Final = 128
"""LIMIT: characters of a token; ours have 24."""


@dataclass(frozen=True, slots=True)
class Links:
    """What is passed on to the invited.

    Attributes:
        uri: For a client that is there already.
        landing: A page on the web; ``""``: there is none.

    """

    uri: str
    landing: str = ""


def links(domain: str, address: str, token: str, public: str) -> Links:
    """Return the links of an invitation (XEP-0445 sections 2.1 and 2.2).

    Args:
        domain: Where the account will be.
        address: The account's; ``""``: the invited choose.
        token: As told.
        public: Address of the web door; ``""``: there is none.

    """
    where = domain
    if address:
        local, _, domain = address.partition("@")
        where = f"{quote(local, safe='')}@{domain}"
    landing = f"{public}/invite/#{token}" if public else ""
    return Links(f"xmpp:{where}?register;preauth={token}", landing)


def parse_preauth(element: Element) -> str:
    """Read ``<preauth/>`` (XEP-0445 section 4).

    Raises:
        StanzaError: There is no token in it, or it is too long for one.

    """
    token = element.get("token", "")
    if not 0 < len(token) <= TOKEN_LIMIT:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "token holds what you were sent")
    return token


def result_form(made: Links, expires: float) -> Form:
    """Return what the command answers (XEP-0401 section 5.4).

    The text of the XEP calls the last field ``expire``, its registry ``expiry``:
    clients look for either.
    """
    fields = [type_field(INVITATION), text_field("uri", made.uri, label="Invitation")]
    if made.landing:
        fields.append(text_field("landing-url", made.landing, label="The same on the web"))
    fields.append(text_field("expire", utc(expires), label="Holds until"))
    return Form(FormKind.RESULT, tuple(fields))
