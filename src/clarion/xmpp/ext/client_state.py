"""XEP-0352 Client State Indication: what nobody looks at can wait.

While a client says that it is inactive, presence is held back and of chat
states that come alone only the newest is; whatever else comes takes along
what was held (``held.py``, ``Session.send``). What is held was not sent: it is
in no count of XEP-0198. A resumed stream is active (``Lifecycle.resume``).
Nobody else is told of any of this, but what comes may be told to a push
service (XEP-0357, ``arriving.py``).
"""

from typing import Final

from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.arriving import looked_at
from clarion.xmpp.context import Context
from clarion.xmpp.extension import Card, Extension
from clarion.xmpp.held import Held

NS: Final = "urn:xmpp:csi:0"

client_state = Extension(
    Card(
        name="client_state",
        spec="XEP-0352",
        title="Client State Indication",
        version="1.0.0",
        stream_features=f"<csi xmlns='{NS}'/>".encode(),
        test="tests/xmpp/test_client_state.py",
    )
)


@client_state.on_nonza(f"{{{NS}}}inactive")
def inactive(context: Context, element: Stanza) -> None:
    """Hold back what can wait, as much as ``[limits] held_stanzas`` says (section 4.2)."""
    context.session.inactive = True
    most = context.services.limits.held_stanzas
    if context.session.held is None and most:
        context.session.held = Held(most)


@client_state.on_nonza(f"{{{NS}}}active")
def active(context: Context, element: Stanza) -> None:
    """Send what was held, before anything that the client says next (section 5.1)."""
    context.session.inactive = False
    context.session.activate()
    looked_at(context.services, context.entity)


@client_state.on_bind(f"{{{NS}}}inactive")
def bind_inactive(context: Context, element: Stanza) -> bytes:
    """Begin as a client that nobody looks at (XEP-0386 section 3.2)."""
    inactive(context, element)
    return b""


@client_state.on_bind(f"{{{NS}}}active")
def bind_active(context: Context, element: Stanza) -> bytes:
    """Begin active, as every session does."""
    return b""
