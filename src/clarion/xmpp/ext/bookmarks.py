"""Bookmarks as items of a private node, and the old forms beside it (XEP-0402 1.2.0, XEP-0048).

What a client does to one form the others follow: see ``xmpp/bookmarks.py``.
"""

from clarion.wire.xmpp.bookmarks import NS
from clarion.xmpp.extension import Card, Extension

bookmarks = Extension(
    Card(
        name="bookmarks",
        spec="XEP-0402",
        title="PEP Native Bookmarks",
        version="1.2.0",
        account_features=(f"{NS}#compat", f"{NS}#compat-pep"),
        needs=("pep", "private_storage"),
        test="tests/talk/xmpp/xep0402_bookmarks.talk",
    )
)
