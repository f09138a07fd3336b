"""The whole configuration: one frozen value, handed from ``app.py`` to whoever needs a part."""

from pathlib import Path

from pydantic import ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from clarion.config.calls import SipConfig
from clarion.config.chat import PushConfig, XmppConfig
from clarion.config.ding import DingConfig, TwilioConfig
from clarion.config.files import FilesConfig
from clarion.config.mail import MailConfig
from clarion.config.section import Section, always, door_section, setting
from clarion.config.server import (
    AdminConfig,
    DirectoryConfig,
    LedgerConfig,
    LimitsConfig,
    LogConfig,
    MetricsConfig,
    RetentionConfig,
    StoreConfig,
    TlsConfig,
)
from clarion.config.values import Domain, Location
from clarion.config.web import WebConfig


class Config(Section):
    """Everything an operator may say.

    A door whose section is absent is ``None``: off. The other sections are
    always there.
    """

    domain: Domain = setting("localhost", "What stands behind the @ of every address.")
    data: Location = setting(
        Path("data"), "The folder of the database, the uploads and the admin socket (DATA)."
    )
    tls: TlsConfig = always("The certificate that every door shows.")
    xmpp: XmppConfig = always("Chat, for any XMPP client.", door="xmpp")
    mail: MailConfig | None = door_section("DingMail, for any mail client.", door="mail")
    sip: SipConfig | None = door_section("Calls, for any SIP telephone.", door="sip")
    web: WebConfig | None = door_section("The browser.", door="web")
    ding: DingConfig | None = door_section(
        "DING: app, then SMS, then a phone call, until everyone has confirmed.", door="ding"
    )
    twilio: TwilioConfig | None = door_section("The telephone provider Twilio.", door="ding")
    files: FilesConfig | None = door_section(
        "Uploads: pictures, voice messages, documents.", door="files"
    )
    push: PushConfig = always("Notifications to sleeping telephones (XEP-0357).", door="push")
    directory: DirectoryConfig = always("People and departments.")
    ledger: LedgerConfig = always("Who has read what.")
    retention: RetentionConfig = always("For how long messages are kept.")
    store: StoreConfig = always("Where everything is kept.")
    limits: LimitsConfig = always("How much anybody may take.")
    log: LogConfig = always("What is logged, and how it looks.")
    metrics: MetricsConfig = always("Figures for Prometheus.", door="metrics")
    admin: AdminConfig = always("How the clarion command reaches a running server.")

    @field_validator("xmpp")
    @classmethod
    def _rooms(cls, value: XmppConfig, info: ValidationInfo) -> XmppConfig:
        domain = info.data.get("domain")
        if domain is None:
            return value
        if value.rooms == domain:
            text = f'must not be the server\'s own domain; leave it out for "rooms.{domain}"'
            raise PydanticCustomError("below", "{text}", {"key": "rooms", "text": text})
        taken = {domain, value.rooms or f"rooms.{domain}", f"proxy.{domain}"}
        for component in value.components:
            if component.domain in taken:
                text = f'"{component.domain}" is taken already; a component has a domain of its own'
                raise PydanticCustomError("below", "{text}", {"key": "components", "text": text})
            taken.add(component.domain)
        return value if value.rooms else value.model_copy(update={"rooms": f"rooms.{domain}"})

    @field_validator("files")
    @classmethod
    def _reached(cls, value: FilesConfig | None, info: ValidationInfo) -> FilesConfig | None:
        # A section that is wrong has errors of its own.
        if value is not None and "web" in info.data and info.data["web"] is None:
            raise ValueError("files are brought by HTTP; there must be a section [web] too")
        return value

    @property
    def database(self) -> Path:
        """The database's file."""
        return self.data / "clarion.db"

    @property
    def socket(self) -> Path:
        """The admin socket's path."""
        return self.admin.socket or self.data / "clarion.sock"
