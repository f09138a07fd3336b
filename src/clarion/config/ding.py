"""Settings of DING: the ladder app, SMS, call; its policies; the telephone provider Twilio."""

from typing import Literal

from pydantic import ValidationInfo, field_validator

from clarion.config.section import Section, named, number, setting
from clarion.config.values import Phones, Secrets


def _later(value: float, info: ValidationInfo) -> float:
    sms_after = info.data.get("sms_after")
    if sms_after is not None and value <= sms_after:
        raise ValueError(
            f"must be later than sms_after ({number(sms_after)} s), got {number(value)} s"
        )
    return value


class PolicyConfig(Section):
    """A ladder of its own, for the DINGs that name it."""

    sms_after: float = setting(
        60, "Unconfirmed for this long, a person gets an SMS.", unit="seconds", ge=1, le=604_800
    )
    call_after: float = setting(
        180, "Unconfirmed for this long, the phone rings.", unit="seconds", ge=1, le=604_800
    )
    call_attempts: int = setting(3, "Calls to one person for one DING.", unit="calls", ge=1, le=10)

    @field_validator("call_after")
    @classmethod
    def _order(cls, value: float, info: ValidationInfo) -> float:
        return _later(value, info)


class DingConfig(Section):
    """DING: app, then SMS, then a phone call, until everyone has confirmed."""

    provider: Literal["twilio", "double", "off"] = setting(
        "twilio",
        'How telephones are reached: "twilio", "double" (built in, for demo and tests) or "off".',
    )
    sms_after: float = setting(
        60, "Unconfirmed for this long, a person gets an SMS.", unit="seconds", ge=1, le=604_800
    )
    call_after: float = setting(
        180, "Unconfirmed for this long, the phone rings.", unit="seconds", ge=1, le=604_800
    )
    call_attempts: int = setting(3, "Calls to one person for one DING.", unit="calls", ge=1, le=10)
    policies: dict[str, PolicyConfig] = named("Ladders of their own, by name.")

    @field_validator("call_after")
    @classmethod
    def _order(cls, value: float, info: ValidationInfo) -> float:
        return _later(value, info)


class TwilioConfig(Section):
    """The account with the telephone provider Twilio."""

    account: str = setting("", "The account's SID.")
    tokens: Secrets = setting(
        (), "Auth tokens: the first is used, each is believed, so that they can be exchanged."
    )
    numbers: Phones = setting((), 'Our numbers there, e.g. ["+441632960001"].')
