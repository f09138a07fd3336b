"""Avatars of nodes and of vCards are one (XEP-0398 1.0.0): see ``xmpp/avatars.py``."""

from clarion.xmpp.extension import Card, Extension

avatars = Extension(
    Card(
        name="avatars",
        spec="XEP-0398",
        title="User Avatar to vCard-Based Avatars Conversion",
        version="1.0.0",
        account_features=("urn:xmpp:pep-vcard-conversion:0",),
        needs=("pep", "presence", "vcard_temp"),
        test="tests/talk/xmpp/xep0398_avatars.talk",
    )
)
