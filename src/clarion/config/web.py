"""Settings of the web door: the browser's pages, uploads, WebSockets and callbacks."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, ValidationInfo, field_validator

from clarion.config.section import Section, setting
from clarion.config.values import Endpoint, Listeners, Networks

_ADDRESS: Final = re.compile(r"https?://(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(:\d{1,5})?(/[^\s?#]*)?")


def _public(value: str) -> str:
    if value and not _ADDRESS.fullmatch(value):
        raise ValueError('must be an address such as "https://chat.corp.example"')
    return value.rstrip("/")


class WebConfig(Section):
    """The browser: any web browser."""

    listen: Listeners = setting(
        (Endpoint("0.0.0.0", 443),),  # noqa: S104 - a server's ordinary listener
        "Browsers, with TLS.",
        door="web",
    )
    trusted_proxies: Networks = setting(
        (), 'Proxies whose word on a client\'s address is taken, e.g. ["10.0.0.7"].'
    )
    listen_plain: Listeners = setting(
        (), "No TLS; on loopback, or behind a proxy named in trusted_proxies.", door="web"
    )
    public: Annotated[str, AfterValidator(_public)] = setting(
        "", 'The address that others reach, e.g. "https://chat.corp.example".'
    )

    @field_validator("listen_plain")
    @classmethod
    def _shielded(cls, value: tuple[Endpoint, ...], info: ValidationInfo) -> tuple[Endpoint, ...]:
        # Proxies that were given but are wrong have an error of their own.
        if not info.data.get("trusted_proxies", True):
            for endpoint in value:
                if not endpoint.is_loopback:
                    raise ValueError(
                        f'"{endpoint}" can be reached by others without TLS; listen on loopback '
                        "(127.0.0.1, [::1], localhost) or name your proxy in web.trusted_proxies"
                    )
        return value
