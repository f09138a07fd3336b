"""Administrators' commands that count and list persons (XEP-0133 sections 4.10 to 4.22)."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from clarion.wire.xmpp.commands import Note, NoteKind
from clarion.wire.xmpp.executions import Stage
from clarion.wire.xmpp.forms import Field, FieldKind, Option
from clarion.xmpp.commands.administration import (
    bare,
    command,
    found,
    jid_field,
    result,
    stage,
)
from clarion.xmpp.commands.command import Command, Done, Run, Task
from clarion.xmpp.person import PersonEntity

LIST_LIMIT: Final = 10_000
"""LIMIT: persons in one list, some 400 KiB; whoever has more asks for the directory instead."""

_CHOICES: Final = ("25", "50", "75", "100", "150", "200")  # the XEP's own
_IDLE: Final = re.compile(rb"<show(?:\s[^>]*)?>\s*(?:away|xa)\s*</show>")


def registered(task: Task) -> Sequence[str]:
    """Return everybody's address, of disabled persons too."""
    return [person.address for person in task.services.directory.persons()]


def disabled(task: Task) -> Sequence[str]:
    """Return the addresses of those who may not log in."""
    return [p.address for p in task.services.directory.persons() if p.disabled]


def online(task: Task) -> Sequence[str]:
    """Return who has a session, whether it is available or not (section 4.12)."""
    return [entity.address for entity in _online(task)]


def active(task: Task) -> Sequence[str]:
    """Return who has an available session that is not away."""
    return [entity.address for entity in _online(task) if _is_active(entity)]


def idle(task: Task) -> Sequence[str]:
    """Return who is on line, but at no session that is available and not away."""
    return [entity.address for entity in _online(task) if not _is_active(entity)]


def _online(task: Task) -> list[PersonEntity]:
    entities = [entity for entity in task.context.people.all() if entity.sessions]
    return sorted(entities, key=lambda entity: entity.address)


def _is_active(entity: PersonEntity) -> bool:
    return any(_IDLE.search(session.presence or b"") is None for session in entity.available())


@dataclass(frozen=True, slots=True)
class _Group:
    """People of one kind, and the names that XEP-0133 gives to their number and list."""

    people: Callable[[Task], Sequence[str]]
    word: str
    number_field: str
    list_node: str
    list_field: str


_GROUPS: Final = (
    _Group(
        registered, "registered", "registeredusersnum", "get-registered-users-list",
        "registereduserjids",
    ),
    _Group(disabled, "disabled", "disabledusersnum", "get-disabled-users-list", "disableduserjids"),
    _Group(online, "online", "onlineusersnum", "get-online-users-list", "onlineuserjids"),
    _Group(active, "active", "activeusersnum", "get-active-users", "activeuserjids"),
    # "activeuserjids" is what the registry and the example give for the idle too.
    _Group(idle, "idle", "idleusersnum", "get-idle-users", "activeuserjids"),
)  # fmt: skip


def _number(group: _Group) -> Run:
    async def run(task: Task) -> Stage | Done:
        label = f"The number of {group.word} users"
        count = str(len(group.people(task)))
        return result(Field(group.number_field, (count,), FieldKind.TEXT_SINGLE, label))

    return run


def _list(group: _Group) -> Run:
    async def run(task: Task) -> Stage | Done:
        if not task.answers:
            return stage(
                f"Requesting List of {group.word.capitalize()} Users",
                f"Fill out this form to request the {group.word} users of this service.",
                Field(
                    "max_items",
                    ("none",),
                    FieldKind.LIST_SINGLE,
                    "Maximum number of items to show",
                    options=(*map(Option, _CHOICES), Option("none", "None")),
                ),
            )
        wanted = task.answers[0].value("max_items") or "none"
        limit = LIST_LIMIT if wanted == "none" else min(int(wanted), LIST_LIMIT)
        people = group.people(task)
        cut = (
            (Note(f"{limit} of {len(people)} are shown", NoteKind.WARN),)
            if len(people) > limit
            else ()
        )
        label = f"The list of {'all ' if group.word != 'idle' else ''}{group.word} users"
        shown = tuple(people[:limit])
        return result(Field(group.list_field, shown, FieldKind.JID_MULTI, label), notes=cut)

    return run


async def user_stats(task: Task) -> Stage | Done:
    """Section 4.10: how many contacts a person has, and the open sessions.

    Raises:
        StanzaError: There is no such person.
        UnavailableError: The store cannot answer.

    """
    if not task.answers:
        return stage(
            "Get User Statistics",
            "Fill out this form to gather user statistics.",
            jid_field("The Jabber ID for statistics"),
        )
    person = found(task, bare(task.answers[0].value("accountjid") or ""))
    book = await task.services.rosters.book(person)
    size = sum(item.listed for item in book.items())
    resources = tuple(ref.resource for ref in task.services.sessions.of(person.address))
    return result(
        Field("rostersize", (str(size),), FieldKind.TEXT_SINGLE, "Contacts in the roster"),
        Field("onlineresources", resources, FieldKind.TEXT_MULTI, "Sessions"),
    )


COMMANDS: Final[tuple[Command, ...]] = (
    command("user-stats", "Get statistics of a user", user_stats),
    *(
        command(f"get-{group.word}-users-num", f"Count the {group.word} users", _number(group))
        for group in _GROUPS
    ),
    *(command(group.list_node, f"List the {group.word} users", _list(group)) for group in _GROUPS),
)
