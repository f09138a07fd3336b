"""A client that says which nodes it wants to hear of (XEP-0115, XEP-0060 section 9.2)."""

from clarion.wire.xmpp.caps import INFO, Identity, verification_string
from fakes.household import Client, children_of


async def wants(client: Client, *nodes: str) -> list[bytes]:
    """Come on line with these interests; returns what came in answer, the presence aside."""
    features = [f"{node}+notify" for node in nodes]
    ver = verification_string([Identity("client", "pc")], features)
    came = await client.say(
        "<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:x'"
        f" ver='{ver}'/></presence>"
    )
    told = "".join(f"<feature var='{feature}'/>" for feature in features)
    for question in [raw for raw in came if raw.startswith(b"<iq")]:
        stanza_id = question.split(b" id='")[1].split(b"'")[0].decode()
        came.remove(question)
        came += await client.say(
            f"<iq type='result' id='{stanza_id}' to='{client.context.account}'>"
            f"<query xmlns='{INFO}'><identity category='client' type='pc'/>{told}</query></iq>"
        )
    return [raw for raw in came if not raw.startswith(b"<presence")]


def events_of(came: list[bytes]) -> list[tuple[str, list[str]]]:
    """Return, of each notification, its node and what happened to which items."""
    events = []
    for raw in came:
        for child in children_of(raw):
            if child.tag == "{http://jabber.org/protocol/pubsub#event}event":
                what = child[0]
                told = [f"{one.tag.rpartition('}')[2]} {one.get('id')}" for one in what]
                events.append((what.get("node"), told or [what.tag.rpartition("}")[2]]))
    return events
