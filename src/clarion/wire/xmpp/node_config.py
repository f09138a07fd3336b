"""How a pubsub node is set up, and the forms that say so (XEP-0060 sections 5.4, 7.1.5, 8.2)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from clarion.lib.errors import PeerError
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.forms import (
    FORM_TYPE,
    Field,
    FieldKind,
    Form,
    FormKind,
    Option,
    flag_field,
    text_field,
    type_field,
)
from clarion.wire.xmpp.stamps import utc

NS: Final = "http://jabber.org/protocol/pubsub"
ERRORS: Final = f"{NS}#errors"
NODE_CONFIG: Final = f"{NS}#node_config"
PUBLISH_OPTIONS: Final = f"{NS}#publish-options"
META_DATA: Final = f"{NS}#meta-data"

ITEMS_LIMIT: Final = 5_000
"""LIMIT: items of one node, and what ``max`` means here; a person with as many chats is rare."""
TEXT_LIMIT: Final = 1_023
"""LIMIT: characters of a node's title, description or payload type."""
GROUPS_LIMIT: Final = 100
"""LIMIT: roster groups that one node may name."""

_PREFIX: Final = "pubsub#"


class AccessModel(StrEnum):
    """Who may see a node besides its owner (section 4.5); "authorize" is not supported."""

    OPEN = "open"
    PRESENCE = "presence"
    ROSTER = "roster"
    WHITELIST = "whitelist"


class SendLast(StrEnum):
    """When the last published item is sent (section 8.2)."""

    NEVER = "never"
    ON_SUB = "on_sub"
    ON_SUB_AND_PRESENCE = "on_sub_and_presence"


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """How a node is set up; as it stands here, a new one of XEP-0163 section 5.

    Attributes:
        access: Who may see it.
        groups: Groups of the owner's roster that may, for ``ROSTER``.
        persist: Whether items are kept.
        max_items: How many; ``None``: ``ITEMS_LIMIT``.
        send_last: Whether a client that comes on line gets the last item.
        deliver: Whether anybody is notified.
        payloads: Whether notifications hold the item's payload.
        notify_retract: Whether everybody hears of every item that goes.
        notify_config: Whether everybody hears that it is set up anew.
        notify_delete: Whether everybody hears that it is gone.
        headline: Whether notifications are headlines, else of type normal.
        title: For people.
        description: For people.
        payload_type: Namespace of the payloads; ``""``: not told.

    """

    access: AccessModel = AccessModel.PRESENCE
    groups: tuple[str, ...] = ()
    persist: bool = True
    max_items: int | None = 1
    send_last: SendLast = SendLast.ON_SUB_AND_PRESENCE
    deliver: bool = True
    payloads: bool = True
    notify_retract: bool = False
    headline: bool = True
    title: str = ""
    description: str = ""
    payload_type: str = ""
    notify_config: bool = False
    notify_delete: bool = True

    @property
    def capacity(self) -> int:
        """How many items are kept."""
        if not self.persist:
            return 0
        return ITEMS_LIMIT if self.max_items is None else self.max_items


PRIVATE: Final = NodeConfig(access=AccessModel.WHITELIST, max_items=None, send_last=SendLast.NEVER)
"""For data of a person's own devices (XEP-0223 section 3, XEP-0490 section 4.2)."""


def refusal(
    condition: StanzaCondition, pubsub: str, text: str = "", *, feature: str = ""
) -> StanzaError:
    """Return an error with a condition of pubsub's own beside the general one (section 11).

    Args:
        condition: The general one.
        pubsub: The name of pubsub's own.
        text: For people.
        feature: What is not supported, for ``unsupported``.

    """
    named = f" feature='{feature}'" if feature else ""
    return StanzaError(condition, text, application=f"<{pubsub} xmlns='{ERRORS}'{named}/>".encode())


def read_config(form: Form, config: NodeConfig, *, strict: bool = False) -> NodeConfig:
    """Return ``config`` with what a submitted form says.

    Args:
        form: A node configuration, or publish options.
        config: What holds where the form says nothing.
        strict: Refuse fields that are not known here; else they are passed
            over, as in any form (XEP-0004 section 3.2).

    Raises:
        StanzaError: A field holds what is not supported, or is not known.

    """
    try:
        return replace(config, **_changes(form, strict=strict))
    except StanzaError:
        raise
    except PeerError as error:
        raise StanzaError(StanzaCondition.BAD_REQUEST, str(error)) from None


def _changes(form: Form, *, strict: bool) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for field in form.fields:
        name = _short(field.name)
        if name in _READERS:
            attribute, read = _READERS[name]
            changes[attribute] = read(form, field.name)
        elif name in _ONLY:
            _only(form, field.name, _ONLY[name])
        elif strict and field.name != FORM_TYPE:
            raise _unacceptable(f"the field {field.name} is unknown")
    return changes


def preconditions_met(form: Form, config: NodeConfig) -> bool:
    """Say whether a node is set up as publish options ask (section 7.1.5).

    Raises:
        StanzaError: The options are no such form, or name an unknown field.

    """
    for field in form.fields:
        known = _short(field.name) in _READERS or _short(field.name) in _ONLY
        if not known and field.name != FORM_TYPE:
            raise _unacceptable(f"the field {field.name} is unknown")
    try:
        return read_config(form, config, strict=True) == config
    except StanzaError as error:
        if error.condition is StanzaCondition.BAD_REQUEST:
            raise
        return False  # what is not supported is not met


def config_form(config: NodeConfig, kind: FormKind = FormKind.FORM) -> Form:
    """Return the form that an owner fills in (section 8.2.2)."""
    return Form(
        kind,
        (
            type_field(NODE_CONFIG),
            *_described(config),
            _choice("access_model", config.access, tuple(AccessModel), "Who may see it"),
            Field(
                "pubsub#roster_groups_allowed",
                config.groups,
                FieldKind.TEXT_MULTI,
                "Groups of the roster that may see it, for the access model roster",
            ),
            flag_field("pubsub#persist_items", value=config.persist, label="Keep items"),
            _most(config),
            _choice(
                "send_last_published_item",
                config.send_last,
                tuple(SendLast),
                "When to send the last item",
            ),
            flag_field(
                "pubsub#deliver_notifications", value=config.deliver, label="Tell of new items"
            ),
            flag_field(
                "pubsub#deliver_payloads", value=config.payloads, label="Send what new items hold"
            ),
            flag_field(
                "pubsub#notify_retract",
                value=config.notify_retract,
                label="Tell of items that were removed",
            ),
            flag_field(
                "pubsub#notify_config",
                value=config.notify_config,
                label="Tell when the node is set up anew",
            ),
            flag_field(
                "pubsub#notify_delete",
                value=config.notify_delete,
                label="Tell when the node is deleted",
            ),
            _choice(
                "notification_type",
                "headline" if config.headline else "normal",
                ("headline", "normal"),
                "Type of the messages that tell of it",
            ),
            _choice("publish_model", "publishers", ("publishers",), "Who may publish"),
        ),
    )


def meta_data(config: NodeConfig, owner: str, created: float) -> Form:
    """Return what disco#info tells of a node (section 5.4).

    Args:
        config: How it is set up.
        owner: The owner's bare JID.
        created: UNIX seconds, UTC.

    """
    return Form(
        FormKind.RESULT,
        (
            type_field(META_DATA),
            *_described(config),
            text_field("pubsub#creation_date", utc(created)),
            Field("pubsub#owner", (owner,), FieldKind.JID_MULTI),
            Field("pubsub#publisher", (owner,), FieldKind.JID_MULTI),
            _choice("access_model", config.access, tuple(AccessModel), ""),
            _choice("publish_model", "publishers", ("publishers",), ""),
            _most(config),
        ),
    )


def _short(name: str) -> str:
    """Return a field's name without its prefix; ``""``: it is none of pubsub's."""
    return name[len(_PREFIX) :] if name.startswith(_PREFIX) else ""


def _described(config: NodeConfig) -> tuple[Field, ...]:
    return (
        text_field("pubsub#title", config.title, label="Title"),
        text_field("pubsub#description", config.description, label="Description"),
        text_field("pubsub#type", config.payload_type, label="Namespace of the payloads"),
    )


def _most(config: NodeConfig) -> Field:
    most = "max" if config.max_items is None else str(config.max_items)
    label = f"How many items are kept; max stands for {ITEMS_LIMIT}"
    return text_field("pubsub#max_items", most, label=label)


def _choice(name: str, value: str, choices: tuple[str, ...], label: str) -> Field:
    options = tuple(Option(str(choice)) for choice in choices)
    return Field(f"pubsub#{name}", (str(value),), FieldKind.LIST_SINGLE, label, options=options)


def _access(form: Form, name: str) -> AccessModel:
    value = form.value(name)
    try:
        return AccessModel(value or "")
    except ValueError:
        raise refusal(
            StanzaCondition.NOT_ACCEPTABLE,
            "unsupported-access-model",
            f"the access model must be one of {', '.join(AccessModel)}",
        ) from None


def _send_last(form: Form, name: str) -> SendLast:
    value = form.value(name)
    try:
        return SendLast(value or "")
    except ValueError:
        raise _unacceptable(f"{name} must be one of {', '.join(SendLast)}") from None


def _headline(form: Form, name: str) -> bool:
    value = form.value(name)
    if value not in {"headline", "normal"}:
        raise _unacceptable(f"{name} must be headline or normal")
    return value == "headline"


def _max_items(form: Form, name: str) -> int | None:
    value = (form.value(name) or "").strip()
    if value == "max":
        return None
    if not (value.isascii() and value.isdigit()) or len(value) > 10 or int(value) < 1:
        raise _unacceptable(f"{name} must be max or a number from 1")
    return int(value) if int(value) < ITEMS_LIMIT else None


def _flag(form: Form, name: str) -> bool:
    value = form.flag(name)
    if value is None:
        raise PeerError(f"the field {name} must be true or false")
    return value


def _text(form: Form, name: str) -> str:
    value = form.value(name) or ""
    if len(value) > TEXT_LIMIT:
        raise _unacceptable(f"{name} must have {TEXT_LIMIT} characters at most")
    return value


def _groups(form: Form, name: str) -> tuple[str, ...]:
    groups = tuple(sorted({value for value in form.values(name) if value}))
    if len(groups) > GROUPS_LIMIT or any(len(group) > TEXT_LIMIT for group in groups):
        raise _unacceptable(f"{name} must name {GROUPS_LIMIT} groups at most")
    return groups


def _only(form: Form, name: str, values: frozenset[str]) -> None:
    """Refuse what is not the one thing that is done here."""
    if not set(form.values(name)) <= values:
        raise _unacceptable(f"{name} must be {' or '.join(sorted(values))} here")


def _unacceptable(text: str) -> StanzaError:
    return StanzaError(StanzaCondition.NOT_ACCEPTABLE, text)


_READERS: Final[dict[str, tuple[str, Callable[[Form, str], Any]]]] = {
    "access_model": ("access", _access),
    "roster_groups_allowed": ("groups", _groups),
    "persist_items": ("persist", _flag),
    "max_items": ("max_items", _max_items),
    "send_last_published_item": ("send_last", _send_last),
    "deliver_notifications": ("deliver", _flag),
    "deliver_payloads": ("payloads", _flag),
    "notify_retract": ("notify_retract", _flag),
    "notify_config": ("notify_config", _flag),
    "notify_delete": ("notify_delete", _flag),
    "notification_type": ("headline", _headline),
    "title": ("title", _text),
    "description": ("description", _text),
    "type": ("payload_type", _text),
}
_FALSE: Final = frozenset({"0", "false"})
_TRUE: Final = frozenset({"1", "true"})
# What has one setting here; it may be said, and nothing else.
_ONLY: Final = {
    "node_type": frozenset({"leaf"}),
    "publish_model": frozenset({"publishers"}),
    "publish_node_full": frozenset({"retract-oldest"}),
    "item_expire": frozenset({"max"}),
    "purge_offline": _FALSE,
    "notify_sub": _FALSE,
    "subscribe": _TRUE,
    "presence_based_delivery": _TRUE,
}
