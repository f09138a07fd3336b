"""What the file asks for and this version cannot do yet, refused by name.

It looks at the file's own tables, so that it speaks up even when other
settings are wrong: the operator gets every error at once.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from clarion.config import doors
from clarion.config.section import Section, bare, extra, is_section
from clarion.config.values import Endpoint, parse_endpoint


def refusals(raw: Mapping[str, Any], root: type[Section]) -> Iterator[str]:
    """Return one line for each listener, provider or database that does not exist yet."""
    for path, door, value in _listeners(raw, root, ""):
        if value and door not in doors.BUILT:
            yield f"{path}: the {door} door is not part of this version yet; {_advice(path, door)}"
    yield from _provider(raw, root)
    yield from _engine(raw)


def twice(raw: Mapping[str, Any], root: type[Section]) -> Iterator[str]:
    """Return one line for each endpoint that is given to two listeners."""
    seen: dict[tuple[bool, Endpoint], str] = {}
    for path, _, value in _listeners(raw, root, ""):
        for endpoint in _endpoints(value):
            if endpoint.port == 0:  # the system chooses a free one each time
                continue
            first = seen.setdefault((path.endswith("_udp"), endpoint), path)
            if first != path:
                yield f'{path}: "{endpoint}" is taken by {first}'


def _listeners(
    raw: Mapping[str, Any], model: type[Section], path: str
) -> Iterator[tuple[str, str, Any]]:
    """Walk the sections in force: path, door and value of everything that opens a door."""
    for name, field in model.model_fields.items():
        where = f"{path}.{name}" if path else name
        value = raw.get(name, field.get_default(call_default_factory=True))
        if is_section(field.annotation):
            if isinstance(value, Mapping):
                yield from _listeners(value, bare(field.annotation), where)
        elif door := extra(field, "door"):
            yield where, door, value


def _endpoints(value: object) -> Iterator[Endpoint]:
    for item in value if isinstance(value, list | tuple) else ():
        try:
            endpoint = parse_endpoint(item)
        except ValueError:  # has an error of its own
            continue
        yield endpoint


def _advice(path: str, door: str) -> str:
    section, _, key = path.rpartition(".")
    if section == door:
        return f"leave [{section}] out"
    return f"leave [[{path}]] out" if key == "components" else f"leave {key} out"


def _provider(raw: Mapping[str, Any], root: type[Section]) -> Iterator[str]:
    ding = raw.get("ding")
    if not isinstance(ding, Mapping):
        return
    field = bare(root.model_fields["ding"].annotation).model_fields["provider"]
    provider = ding.get("provider", field.default)
    if provider in ("twilio", "double") and provider not in doors.DING_PROVIDERS:
        yield (
            f'ding.provider: "{provider}" is not part of this version yet; '
            'write provider = "off" or leave [ding] out'
        )


def _engine(raw: Mapping[str, Any]) -> Iterator[str]:
    store = raw.get("store")
    url = store.get("url") if isinstance(store, Mapping) else None
    is_postgresql = isinstance(url, str) and url.startswith(("postgresql:", "postgres:"))
    if is_postgresql and "postgresql" not in doors.STORE_ENGINES:
        yield 'store.url: PostgreSQL is not part of this version yet; write url = "sqlite"'
