"""XEP-0157 and XEP-0128."""

from clarion.config.chat import ContactConfig
from clarion.wire.xmpp.caps import INFO, parse_info
from clarion.xmpp.contact import SERVER_INFO, contact_forms
from clarion.xmpp.ext.disco import disco
from clarion.xmpp.extension import Switchboard
from fakes.household import DOMAIN, children_of, household


def test_only_what_is_set_is_told():
    (form,) = contact_forms(
        ContactConfig(
            admin=("mailto:xmpp@corp.example", "xmpp:admins@corp.example"),
            status=("https://status.corp.example",),
        )
    )
    assert form.form_type == SERVER_INFO
    assert [(one.name, one.values) for one in form.fields[1:]] == [
        ("admin-addresses", ("mailto:xmpp@corp.example", "xmpp:admins@corp.example")),
        ("status-addresses", ("https://status.corp.example",)),
    ]


def test_nothing_set_is_no_form():
    assert contact_forms(ContactConfig()) == ()


async def test_the_form_is_in_the_answer_and_in_the_verification_string():
    async with household(disco) as house:
        forms = contact_forms(ContactConfig(abuse=("mailto:abuse@corp.example",)))
        house.services.features = Switchboard((disco,)).told(forms)
        ann = await house.log_in("ann")
        (query,) = children_of(await ann.ask("get", f"<query xmlns='{INFO}'/>", DOMAIN))
        told = parse_info(query)
        assert told.forms[0].values("abuse-addresses") == ("mailto:abuse@corp.example",)
        assert told.ver() == house.services.features.info.ver()
