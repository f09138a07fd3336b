"""``clarion:readers``, "Who has read": the ledger of one's own message, for any client to show.

On the domain it is about any message of one's own, on a person's address
about those to that person, on a room's about those said there.
"""

from collections.abc import Sequence
from typing import Final

from clarion.core.archive import Item, pair_thread, room_thread
from clarion.core.ledger import Entry, State
from clarion.core.rooms import Affiliation, Room
from clarion.lib.errors import UsageError
from clarion.lib.ids import seconds
from clarion.wire.xmpp.commands import Note
from clarion.wire.xmpp.errors import ErrorType, StanzaCondition, StanzaError
from clarion.wire.xmpp.executions import Stage
from clarion.wire.xmpp.forms import (
    Field,
    FieldKind,
    Form,
    FormKind,
    fixed_field,
    text_field,
    type_field,
)
from clarion.wire.xmpp.stamps import utc
from clarion.xmpp.commands.command import Command, Done, Task, asks

NODE: Final = "clarion:readers"
LOOK_BACK: Final = 1_000
"""LIMIT: newest messages of one's own among which an id that the client gave is looked for;
a stanza-id is found however old it is."""

_ASK: Final = Form(
    FormKind.FORM,
    (type_field(NODE), text_field("item", label="Message")),
    title="Who has read",
    instructions=("The id of a message that you sent; leave it empty for your last one here.",),
)
_COLUMNS: Final = (
    Field("reader", (), FieldKind.JID_SINGLE, "Reader"),
    Field("name", (), FieldKind.TEXT_SINGLE, "Name"),
    Field("state", (), FieldKind.TEXT_SINGLE, "State"),
    Field("at", (), FieldKind.TEXT_SINGLE, "Since"),
    Field("door", (), FieldKind.TEXT_SINGLE, "By way of"),
    Field("act", (), FieldKind.TEXT_SINGLE, "By"),
)
_READ: Final = frozenset({State.READ, State.CONFIRMED})


@asks(Stage(_ASK))
async def readers(task: Task, form: Form) -> Done:
    """Ask for a message, then tell who has read it.

    Raises:
        StanzaError: There is no such message, or somebody else sent it.
        UnavailableError: The store cannot answer.

    """
    wanted = (form.value("item") or "").strip()
    # What was sent a moment ago may not be committed, and so not be readable, yet.
    await task.services.archive.settled()
    item = await (_named(task, wanted) if wanted else _last(task))
    entries = await task.services.ledger.show_item(item.id)
    summary = _summary(task, entries)
    return Done(_result(task, item, entries, summary), (Note(summary),))


async def _last(task: Task) -> Item:
    for item in reversed(await _sent(task)):
        if item.countable:
            return item
    here = "" if task.place not in {"contact", "room"} else f" to {task.address}"
    raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, f"you have sent no message{here} yet")


async def _named(task: Task, wanted: str) -> Item:
    """Find a message by its stanza-id, or by the origin-id or id that the client gave it."""
    item = await _sealed(task, wanted)
    if item is None:
        mine = [one for one in await _sent(task) if wanted in {one.origin_id, one.message_id}]
        item = mine[-1] if mine else None
    if item is None:
        raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, "you have sent no such message here")
    return item


async def _sealed(task: Task, wanted: str) -> Item | None:
    services, person = task.services, task.person
    try:
        item = await services.archive.get(services.seal.open(wanted))
    except UsageError:
        return None  # it has not the form of a stanza-id
    # Whoever does not have the message is not told that there is one.
    if item is None or not await _has(task, item):
        return None
    if _bare(item.sender) != person.address:
        raise StanzaError(
            StanzaCondition.FORBIDDEN,
            "only who sent a message may see who has read it",
            kind=ErrorType.CANCEL,
        )
    return item if _is_here(task, item) else None


async def _has(task: Task, item: Item) -> bool:
    """Whether the person's archive shows an item, or that of a room where they are a member."""
    services, person = task.services, task.person
    room = _room_of(task, item)
    if room is None:
        return await services.archive.has(person.number, item.id)
    mine = _bare(item.sender) == person.address
    if not mine and room.affiliation(person.address) < Affiliation.MEMBER:
        return False
    return await services.archive.has(room.owner, item.id)


def _room_of(task: Task, item: Item) -> Room | None:
    book, address = task.services.book, _bare(item.recipient)
    if book is None or item.thread != room_thread(address):
        return None
    return book.get(address)


async def _sent(task: Task) -> list[Item]:
    """Return what the person sent last, oldest first.

    On a person's address to that one alone, on a room's what was said there.
    """
    if task.place == "room":
        said = await task.services.archive.thread_page(room_thread(task.address), LOOK_BACK)
        return [item for item in said if _bare(item.sender) == task.person.address]
    sent = await task.services.archive.recent_sent(task.person.number, LOOK_BACK)
    return [item for item in sent if _is_here(task, item)]


def _is_here(task: Task, item: Item) -> bool:
    if task.place == "room":
        return item.thread == room_thread(task.address)
    return task.place != "contact" or item.thread == pair_thread(task.person.address, task.address)


def _summary(task: Task, entries: Sequence[Entry]) -> str:
    if not entries:
        return "nobody is asked to read this message"
    unread = [_name(task, entry.reader) for entry in entries if entry.state not in _READ]
    text = f"read by {len(entries) - len(unread)} of {len(entries)}"
    return f"{text}; unread: {', '.join(unread)}" if unread else text


def _result(task: Task, item: Item, entries: Sequence[Entry], summary: str) -> Form:
    # COMPAT: XEP-0004 section 3.4 wants a table alone since 2.13.1. Several clients show no
    # tables, and others nothing but the table: so the line stands above it too.
    sent = f"sent to {_bare(item.recipient)} at {utc(seconds(item.id))}"
    return Form(
        FormKind.RESULT,
        (
            type_field(NODE),
            fixed_field(summary),
            Field("item", (task.services.seal.seal(item.id),), FieldKind.HIDDEN),
        ),
        title="Who has read",
        instructions=(sent,),
        reported=_COLUMNS,
        items=tuple(_row(task, entry) for entry in entries),
    )


def _row(task: Task, entry: Entry) -> tuple[Field, ...]:
    values = (
        entry.reader,
        _name(task, entry.reader),
        str(entry.state),
        "" if entry.at is None else utc(entry.at),
        "" if entry.door is None else str(entry.door),
        "" if entry.act is None else str(entry.act),
    )
    return tuple(
        Field(column.name, (value,)) for column, value in zip(_COLUMNS, values, strict=True)
    )


def _name(task: Task, address: str) -> str:
    person = task.services.directory.person(address)
    return address if person is None else person.name


def _bare(address: str) -> str:
    return address.partition("/")[0]


COMMANDS: Final[tuple[Command, ...]] = (
    Command(NODE, "Who has read", readers, at=frozenset({"server", "account", "contact", "room"})),
)
