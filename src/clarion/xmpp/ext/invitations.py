"""XEP-0401 and XEP-0445: accounts by invitation.

Administrators make invitations with an ad-hoc command (``commands/invitations.py``)
or ``clarion person invite``; who has one makes an account before log-in
(``xmpp/registering.py``), which the stream offers (``wire/xmpp/stream_header.py``).
"""

from clarion.xmpp.extension import Card, Extension

onboarding = Extension(
    Card(
        name="invitations",
        spec="XEP-0401",
        title="Ad-hoc Account Invitation Generation",
        version="0.6.0",
        status="partial",
        missing="invitations by people who do not administer (section 5.1)",
        needs=("commands",),
        test="tests/xmpp/test_invitations.py",
    )
)

preauthenticated = Extension(
    Card(
        name="invitations",
        spec="XEP-0445",
        title="Pre-Authenticated In-Band Registration",
        version="0.2.0",
        status="partial",
        missing="contact invitations with registration (section 2.3)",
        test="tests/xmpp/test_invitations.py",
    )
)
