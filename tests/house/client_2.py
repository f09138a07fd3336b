"""What a raw client does to log in with SASL2, Bind 2 and FAST (XEP-0388, 0386, 0484)."""

import base64
import hashlib
import hmac
import secrets as random
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from house.raw_client import RawClient, RefusedError

SASL2 = "urn:xmpp:sasl:2"
BIND2 = "urn:xmpp:bind:0"
FAST = "urn:xmpp:fast:0"
CLIENT = "d4565fa7-4d72-4749-b3d3-740edbf87770"
AGENT = f"<user-agent id='{CLIENT}'><software>Raw</software><device>A shelf</device></user-agent>"


@dataclass
class Token:
    """What the client was given."""

    text: str
    mechanism: str


def log_in(
    client: RawClient,
    user: str,
    password: str,
    mechanism: str = "SCRAM-SHA-256",
    *,
    binding: str = "",
    wishes: str = "",
) -> Element:
    """Do SCRAM in an ``<authenticate/>``; returns the success."""
    client.open()
    name = "sha256" if "256" in mechanism else "sha1"
    header = f"p={binding},," if binding else "n,,"
    bare = f"n={user},r={random.token_hex(12)}"
    client.send(_authenticate(mechanism, f"{header}{bare}".encode(), wishes))
    challenge = base64.b64decode(_answer(client, "challenge").text or "").decode()
    given = dict(part.split("=", 1) for part in challenge.split(","))
    _check_offer(client, given["h"], name)
    salted = hashlib.pbkdf2_hmac(
        name, password.encode(), base64.b64decode(given["s"]), int(given["i"])
    )
    key = hmac.digest(salted, b"Client Key", name)
    bound = base64.b64encode(header.encode() + client._channel(binding)).decode()
    final = f"c={bound},r={given['r']}"
    signed = f"{bare},{challenge},{final}".encode()
    signature = hmac.digest(hashlib.new(name, key).digest(), signed, name)
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature, strict=True))).decode()
    response = base64.b64encode(f"{final},p={proof}".encode()).decode()
    client.send(f"<response xmlns='{SASL2}'>{response}</response>")
    success = _answer(client, "success")
    verifier = hmac.digest(hmac.digest(salted, b"Server Key", name), signed, name)
    said = base64.b64decode(success.findtext(f"{{{SASL2}}}additional-data", ""))
    assert said == b"v=" + base64.b64encode(verifier), "the server knows no keys"
    return success


def log_in_fast(
    client: RawClient, user: str, token: Token, *, binding: str = "", wishes: str = ""
) -> Element:
    """Log in with a token; returns the success."""
    client.open()
    channel = client._channel(binding)
    proof = hmac.digest(token.text.encode(), b"Initiator" + channel, "sha256")
    message = user.encode() + b"\0" + proof
    client.send(_authenticate(token.mechanism, message, f"<fast xmlns='{FAST}'/>{wishes}"))
    success = _answer(client, "success")
    said = base64.b64decode(success.findtext(f"{{{SASL2}}}additional-data", ""))
    assert said == hmac.digest(token.text.encode(), b"Responder" + channel, "sha256")
    return success


def token_in(success: Element, mechanism: str) -> Token:
    """The token that came with a success."""
    element = success.find(f"{{{FAST}}}token")
    assert element is not None, "there is no token"
    return Token(element.get("token", ""), mechanism)


def _authenticate(mechanism: str, message: bytes, wishes: str) -> str:
    initial = base64.b64encode(message).decode()
    return (
        f"<authenticate xmlns='{SASL2}' mechanism='{mechanism}'>"
        f"<initial-response>{initial}</initial-response>{AGENT}{wishes}</authenticate>"
    )


def _answer(client: RawClient, expected: str) -> Element:
    answer = client.next()
    if answer.tag == f"{{{SASL2}}}failure":
        raise RefusedError(answer[0].tag.rpartition("}")[2])
    assert answer.tag == f"{{{SASL2}}}{expected}", answer.tag
    return answer


def _check_offer(client: RawClient, said: str, name: str) -> None:
    """XEP-0474 section 5.2: nobody changed the offer on the way."""
    offer = client.features.find(f"{{{SASL2}}}authentication")
    assert offer is not None
    names = sorted(e.text or "" for e in offer.findall(f"{{{SASL2}}}mechanism"))
    text = "\x1e".join(names)
    if client.bindings:
        text += "\x1f" + "\x1e".join(sorted(client.bindings))
    assert said == base64.b64encode(hashlib.new(name, text.encode()).digest()).decode()
