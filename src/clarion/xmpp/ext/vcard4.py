"""vCard4 over XMPP (XEP-0292 0.12.0): see ``xmpp/vcard4.py``; ``pep.py`` answers for it."""

from clarion.xmpp.extension import Card, Extension
from clarion.xmpp.vcard4 import NS

vcard4 = Extension(
    Card(
        name="vcard4",
        spec="XEP-0292",
        title="vCard4 Over XMPP",
        version="0.12.0",
        status="partial",
        missing="the vCards of the server and of rooms; nothing is carried over between what "
        "people add to this vCard and to the one of XEP-0054, and the avatar stays in its own "
        "nodes; the node of somebody who has published nothing is not listed by service discovery",
        account_features=(NS,),
        needs=("pep",),
        test="tests/talk/xmpp/xep0292_vcard4.talk",
    )
)
