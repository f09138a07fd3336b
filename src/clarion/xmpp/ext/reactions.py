"""XEP-0444 Message Reactions: the card, as the server only carries them.

They are kept, as their senders ask for with ``<store/>`` (section 4), and
copied. There are no restrictions here, so none are told (section 2.2).
"""

from clarion.xmpp.extension import Card, Extension

reactions = Extension(
    Card(
        name="reactions",
        spec="XEP-0444",
        title="Message Reactions",
        version="0.2.1",
        needs=("hints",),
        test="tests/talk/xmpp/xep0444_reactions.talk",
    )
)
