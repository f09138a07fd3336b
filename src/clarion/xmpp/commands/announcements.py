"""Administrators' announcements to everybody on line (XEP-0133 section 4.23)."""

import asyncio
from typing import Final

from clarion.core.ports import Parcel, person_entity
from clarion.wire.xml import escape
from clarion.wire.xmpp.forms import Field, FieldKind, Form
from clarion.xmpp.commands.administration import command, record, said, stage
from clarion.xmpp.commands.command import Command, Done, Task, asks

SLICE: Final = 250
"""People who are told before others get their turn on the loop: about 2 ms."""


@asks(
    stage(
        "Making an Announcement",
        "Fill out this form to make an announcement to all active users of this service.",
        Field("announcement", (), FieldKind.TEXT_MULTI, "Announcement", required=True),
    )
)
async def announce(task: Task, form: Form) -> Done:
    """Send a headline to all who have a session, and to nobody later."""
    services = task.services
    body = escape("\n".join(form.values("announcement")))
    entities = [entity for entity in task.context.people.all() if entity.sessions]
    for place, entity in enumerate(entities, start=1):
        raw = (
            f"<message from='{escape(services.domain)}' to='{escape(entity.address)}'"
            f" type='headline' id='{services.token()}'>"
            f"<subject>Announcement</subject><body>{body}</body></message>"
        )
        services.router.to_entity(
            person_entity(entity.address),
            Parcel("message", "headline", services.domain, "", raw.encode()),
        )
        if place % SLICE == 0:
            await asyncio.sleep(0)
    record(task, "announce", "")
    return said(f"sent to {len(entities)} users")


COMMANDS: Final[tuple[Command, ...]] = (
    command("announce", "Send an announcement to online users", announce),
)
