"""Settings of DingMail: SMTP and IMAP."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, SecretStr

from clarion.config.section import Section, setting
from clarion.config.values import Endpoint, Listeners, PlainListeners, Secret

_SMARTHOST: Final = re.compile(r"smtps?://([^@\s/]+@)?(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(:\d{1,5})?/?")


def _everywhere(port: int) -> tuple[Endpoint, ...]:
    return (Endpoint("0.0.0.0", port),)  # noqa: S104 - a server's ordinary listener


def _outbound(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    if value != "direct" and not _SMARTHOST.fullmatch(value):
        raise ValueError('must be "direct" or "smtp://user:password@smarthost:587"')
    return secret


class MailConfig(Section):
    """DingMail: any mail client."""

    listen_smtp: Listeners = setting(_everywhere(25), "Mail from other servers.", door="mail")
    listen_submission: Listeners = setting(
        _everywhere(587), "Mail from clients, with STARTTLS.", door="mail"
    )
    listen_submissions: Listeners = setting(
        _everywhere(465), "Mail from clients, with TLS from the start.", door="mail"
    )
    listen_imap: Listeners = setting(_everywhere(143), "Mailboxes, with STARTTLS.", door="mail")
    listen_imaps: Listeners = setting(
        _everywhere(993), "Mailboxes, with TLS from the start.", door="mail"
    )
    listen_plain_imap: PlainListeners = setting(
        (), "LOGIN without TLS; loopback addresses only, for tests.", door="mail"
    )
    listen_plain_smtp: PlainListeners = setting(
        (), "AUTH without TLS; loopback addresses only, for tests.", door="mail"
    )
    outbound: Annotated[Secret, AfterValidator(_outbound)] = setting(
        SecretStr("direct"),
        'How mail leaves: "direct", or through "smtp://user:password@smarthost:587".',
    )
