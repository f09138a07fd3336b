"""XEP-0334 Message Processing Hints: the card.

Whether a message is kept is decided in ``keeping.py``, whether it is copied in
``copies.py``. A message that is not to be kept and reaches nobody is refused
(``routing.py``), so that its sender knows. Hints in errors mean nothing, and
``store`` keeps no headline: RFC 6121 section 8.5.2.2.1 comes first.
"""

from clarion.xmpp.extension import Card, Extension

hints = Extension(
    Card(
        name="hints",
        spec="XEP-0334",
        title="Message Processing Hints",
        version="1.0.0",
        test="tests/talk/xmpp/xep0334_hints.talk",
    )
)
