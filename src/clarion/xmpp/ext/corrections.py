"""XEP-0308 Last Message Correction: the card, as the server only carries them.

A correction is a message like any other, kept beside the one that it
corrects: section 4 leaves it to the reader's client what to show.
"""

from clarion.xmpp.extension import Card, Extension

corrections = Extension(
    Card(
        name="corrections",
        spec="XEP-0308",
        title="Last Message Correction",
        version="1.2.1",
        test="tests/talk/xmpp/xep0308_corrections.talk",
    )
)
