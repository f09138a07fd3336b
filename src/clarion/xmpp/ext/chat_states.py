"""XEP-0085 Chat State Notifications: the card, as the server only carries them.

Alone they are neither kept nor delivered later (section 5.8, ``keeping.py``),
are copied to a person's other clients (``copies.py``), and wait while nobody
looks at a client (``ext/client_state.py``). The server makes none of its own.
"""

from clarion.xmpp.extension import Card, Extension

chat_states = Extension(
    Card(
        name="chat_states",
        spec="XEP-0085",
        title="Chat State Notifications",
        version="2.1",
        test="tests/talk/xmpp/xep0085_chat_states.talk",
    )
)
