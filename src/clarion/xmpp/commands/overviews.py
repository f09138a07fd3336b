"""Administrators' commands that count, list and describe persons (XEP-0133 4.9 to 4.22)."""

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Final

from clarion.wire.xmpp.commands import Note, NoteKind
from clarion.wire.xmpp.forms import Field, FieldKind, Form, Option
from clarion.wire.xmpp.stamps import utc
from clarion.xmpp.commands.administration import (
    command,
    jid_field,
    jids_field,
    one,
    result,
    several,
    stage,
)
from clarion.xmpp.commands.command import Command, Done, Run, Task, asks
from clarion.xmpp.person import PersonEntity

LIST_LIMIT: Final = 10_000
"""LIMIT: persons in one list, some 400 KiB; whoever has more asks for the directory instead."""
SLICE: Final = 500
"""People looked at before others get their turn on the loop: up to 2 ms."""

_CHOICES: Final = ("25", "50", "75", "100", "150", "200")  # the XEP's own
_IDLE: Final = re.compile(rb"<show(?:\s[^>]*)?>\s*(?:away|xa)\s*</show>")


Looks = Iterator[tuple[str, bool]]
"""Addresses, each with whether it belongs to a group."""


def registered(task: Task) -> Looks:
    """Look for everybody, disabled persons too."""
    return ((person.address, True) for person in task.services.directory.everybody())


def disabled(task: Task) -> Looks:
    """Look for those who may not log in."""
    return ((person.address, person.disabled) for person in task.services.directory.everybody())


def online(task: Task) -> Looks:
    """Look for who has a session, whether it is available or not (section 4.15)."""
    return ((entity.address, bool(entity.sessions)) for entity in task.context.people.all())


def active(task: Task) -> Looks:
    """Look for who has an available session that is not away."""
    return ((entity.address, _is_active(entity)) for entity in task.context.people.all())


def idle(task: Task) -> Looks:
    """Look for who is on line, but at no session that is available and not away."""
    return (
        (entity.address, bool(entity.sessions) and not _is_active(entity))
        for entity in task.context.people.all()
    )


def _is_active(entity: PersonEntity) -> bool:
    return any(_IDLE.search(session.presence or b"") is None for session in entity.available())


async def _found(looks: Looks) -> list[list[str]]:
    """Return who belongs, in runs of up to ``SLICE`` by address."""
    runs: list[list[str]] = []
    while some := list(islice(looks, SLICE)):
        runs.append(sorted(address for address, belongs in some if belongs))
        await asyncio.sleep(0)
    return runs


async def _first(runs: list[list[str]], limit: int) -> tuple[str, ...]:
    """Return the first of all runs together, by address."""
    ordered = islice(merge(*runs), limit)
    people: list[str] = []
    while some := list(islice(ordered, SLICE)):
        people += some
        await asyncio.sleep(0)
    return tuple(people)


@dataclass(frozen=True, slots=True)
class _Group:
    """People of one kind, and the names that XEP-0133 gives to their number and list."""

    looks: Callable[[Task], Looks]
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
    async def run(task: Task) -> Done:
        label = f"The number of {group.word} users"
        count = str(sum(map(len, await _found(group.looks(task)))))
        return result(Field(group.number_field, (count,), FieldKind.TEXT_SINGLE, label))

    return run


def _list(group: _Group) -> Run:
    @asks(
        stage(
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
    )
    async def run(task: Task, form: Form) -> Done:
        wanted = form.value("max_items") or "none"
        limit = LIST_LIMIT if wanted == "none" else min(int(wanted), LIST_LIMIT)
        runs = await _found(group.looks(task))
        count = sum(map(len, runs))
        cut = (Note(f"{limit} of {count} are shown", NoteKind.WARN),) if count > limit else ()
        label = f"The list of {'all ' if group.word != 'idle' else ''}{group.word} users"
        shown = await _first(runs, limit)
        return result(Field(group.list_field, shown, FieldKind.JID_MULTI, label), notes=cut)

    return run


@asks(
    stage(
        "Get User Statistics",
        "Fill out this form to gather user statistics.",
        jid_field("The Jabber ID for statistics"),
    )
)
async def user_stats(task: Task, form: Form) -> Done:
    """Section 4.10: how many contacts a person has, and the open sessions.

    Raises:
        StanzaError: There is no such person.
        UnavailableError: The store cannot answer.

    """
    person = one(task, form)
    book = await task.services.rosters.book(person)
    size = sum(item.listed for item in book.items())
    resources = tuple(ref.resource for ref in task.services.sessions.of(person.address))
    return result(
        Field("rostersize", (str(size),), FieldKind.TEXT_SINGLE, "Contacts in the roster"),
        Field("onlineresources", resources, FieldKind.TEXT_MULTI, "Sessions"),
    )


@asks(
    stage(
        "Getting a User's Last Login Time",
        "Fill out this form to get a user's last login time.",
        jids_field("The Jabber ID(s) for which to retrieve the last login time"),
    )
)
async def last_login(task: Task, form: Form) -> Done:
    """Section 4.9: when each person was here last, as last activity has it (XEP-0012).

    That is now for who has a session, else the end of the last one; of who was
    never here the value is empty.

    Raises:
        StanzaError: There is no such person.
        UnavailableError: The store cannot answer.

    """
    services = task.services
    persons = several(task, form)
    times: list[str] = []
    for person in persons:
        if services.sessions.of(person.address):
            times.append(utc(services.clock.wall()))
        else:
            last = await services.activity.last(person.number)
            times.append("" if last is None else utc(last.at))
    addresses = tuple(person.address for person in persons)
    return result(
        Field("accountjids", addresses, FieldKind.JID_MULTI, "Users"),
        Field("lastlogin", tuple(times), FieldKind.TEXT_MULTI, "Last here"),
    )


COMMANDS: Final[tuple[Command, ...]] = (
    command("get-user-lastlogin", "See when users were here last", last_login),
    command("user-stats", "Get statistics of a user", user_stats),
    *(
        command(f"get-{group.word}-users-num", f"Count the {group.word} users", _number(group))
        for group in _GROUPS
    ),
    *(command(group.list_node, f"List the {group.word} users", _list(group)) for group in _GROUPS),
)
