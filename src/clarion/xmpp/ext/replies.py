"""XEP-0461 Message Replies: the card, as the server only carries them.

The text for clients that know no replies is counted in characters of the body
(XEP-0428), so a body must arrive exactly as it was sent: it does, for stanzas
are carried as the bytes they came in.
"""

from clarion.xmpp.extension import Card, Extension

replies = Extension(
    Card(
        name="replies",
        spec="XEP-0461",
        title="Message Replies",
        version="0.2.1",
        test="tests/talk/xmpp/xep0461_replies.talk",
    )
)
