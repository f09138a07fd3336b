"""Whatever other servers and components send, streams end with a condition and nothing else."""

from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.wire.xmpp.component_stream import ComponentStream
from clarion.wire.xmpp.server_incoming import IncomingStream
from clarion.wire.xmpp.server_outgoing import OutgoingStream
from fakes.servers import A, B, rules

ROOT = (
    "<stream:stream xmlns='{0}' from='{1}' to='{2}' version='1.0'"
    " xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='jabber:server:dialback'>"
)
TLS = "urn:ietf:params:xml:ns:xmpp-tls"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
pieces = st.sampled_from(
    [
        ROOT.format("jabber:server", A, B),
        ROOT.format("jabber:server", B, A),
        ROOT.format("jabber:component:accept", "", B),
        f"<starttls xmlns='{TLS}'/>",
        f"<proceed xmlns='{TLS}'/>",
        f"<failure xmlns='{TLS}'/>",
        "<stream:features/>",
        f"<stream:features><starttls xmlns='{TLS}'/></stream:features>",
        (
            f"<stream:features><mechanisms xmlns='{SASL}'><mechanism>EXTERNAL</mechanism>"
            "</mechanisms><dialback xmlns='urn:xmpp:features:dialback'/></stream:features>"
        ),
        f"<auth xmlns='{SASL}' mechanism='EXTERNAL'>=</auth>",
        f"<success xmlns='{SASL}'/>",
        f"<failure xmlns='{SASL}'><x/></failure>",
        f"<db:result from='{A}' to='{B}'>abc</db:result>",
        f"<db:result from='{B}' to='{A}' type='valid'/>",
        f"<db:result from='{B}' to='{A}' type='error'><error/></db:result>",
        f"<db:verify from='{A}' to='{B}' id='x'>abc</db:verify>",
        f"<db:verify from='{B}' to='{A}' id='x' type='valid'/>",
        f"<message from='x@{A}' to='y@{B}'><body xmlns='jabber:server'/></message>",
        f"<message xmlns='jabber:server' from='x@{A}' to='y@{B}'/>",
        f"<db:result from='{B}' to='{A}' type='error'><error xmlns='jabber:server'/></db:result>",
        "<stream:features><x xmlns='jabber:server'/></stream:features>",
        "<s:iq xmlns:s='jabber:server'/>",
        "<handshake>0123456789012345678901234567890123456789</handshake>",
        "<stream:error/>",
        "</stream:stream>",
        " ",
        "&amp;",
        "<",
    ]
)
talks = st.lists(pieces | st.text(max_size=20), max_size=12).map(
    lambda found: "".join(found).encode()
)


@settings(deadline=None, max_examples=300)
@given(talks, st.integers(1, 50), st.booleans(), st.sampled_from(["in", "out", "component"]))
def test_any_talk_is_taken_or_ended(data: bytes, chunk: int, good: bool, kind: str):
    stream: IncomingStream | OutgoingStream | ComponentStream
    if kind == "in":
        stream = IncomingStream(
            rules(B), token=lambda: "s", now=0.0, secure=good, certifies=lambda domain: good
        )
    elif kind == "out":
        stream = OutgoingStream(rules(A), A, B, now=0.0, secure=good)
    else:
        stream = ComponentStream({B: "secret"}.get, token=lambda: "s", now=0.0)
    for start in range(0, len(data), chunk):
        stream.receive(data[start : start + chunk], 0.0)
        for event in stream.events():
            name = type(event).__name__
            if name == "PeerSecureWanted":
                if isinstance(stream, IncomingStream):
                    stream.secured(lambda domain: good)
                elif isinstance(stream, OutgoingStream):
                    stream.secured()
        stream.outbox()
    stream.let_go()
