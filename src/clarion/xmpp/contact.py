"""Contact addresses: whom others can turn to, told by service discovery (XEP-0157 1.1.1)."""

from typing import Final

from clarion.config.chat import ContactConfig
from clarion.wire.xmpp.forms import Field, FieldKind, Form, FormKind, type_field

SERVER_INFO: Final = "http://jabber.org/network/serverinfo"
_ROLES: Final = ("abuse", "admin", "feedback", "sales", "security", "status", "support")


def contact_forms(config: ContactConfig) -> tuple[Form, ...]:
    """Return the form of the addresses that are set; none where there are none."""
    fields = tuple(
        Field(f"{role}-addresses", addresses, FieldKind.LIST_MULTI)
        for role in _ROLES
        if (addresses := getattr(config, role))
    )
    return (Form(FormKind.RESULT, (type_field(SERVER_INFO), *fields)),) if fields else ()
