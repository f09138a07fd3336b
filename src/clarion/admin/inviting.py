"""The verbs about invitations: make one, list them, withdraw one."""

from collections.abc import Mapping
from typing import Any

from clarion.admin.arguments import Arguments
from clarion.admin.desk import Desk, Progress
from clarion.core.invitations import DAYS, DAYS_LIMIT, Invitation, Invitations, named_department
from clarion.lib.errors import UsageError
from clarion.wire.xmpp.invitations import links


def _record(invitations: Invitations, invitation: Invitation) -> dict[str, Any]:
    inviter = invitations.inviter_of(invitation)
    return {
        "id": invitation.id,
        "address": invitation.address or None,
        "name": invitation.name or None,
        "department": invitation.department or None,
        "inviter": None if inviter is None else inviter.address,
        "made": invitation.made,
        "expires": invitation.expires,
    }


async def invite(desk: Desk, arguments: Arguments, progress: Progress) -> Mapping[str, Any]:
    """``person.invite``: the links are told this once."""
    invitations = _invitations(desk)
    address = arguments.optional_text("address") or ""
    name = arguments.optional_text("name") or ""
    department = arguments.optional_text("department") or ""
    days = arguments.number("days", DAYS, 1, DAYS_LIMIT)
    arguments.finish()
    token, made = await invitations.invite(
        None,
        address=address,
        name=name,
        department=named_department(desk.directory, department),
        days=days,
    )
    told = links(desk.directory.domain, made.address, token, desk.public)
    return {**_record(invitations, made), "uri": told.uri, "link": told.landing or None}


async def listing(desk: Desk, arguments: Arguments, progress: Progress) -> list[dict[str, Any]]:
    """``person.invitation.list``: those that can still be used."""
    arguments.finish()
    invitations = _invitations(desk)
    return [_record(invitations, one) for one in invitations.waiting()]


async def withdraw(desk: Desk, arguments: Arguments, progress: Progress) -> Mapping[str, Any]:
    """``person.invitation.withdraw``: its link opens nothing any more."""
    invitations = _invitations(desk)
    invitation_id = arguments.text("id")
    arguments.finish()
    return _record(invitations, await invitations.withdraw(invitation_id))


def _invitations(desk: Desk) -> Invitations:
    if desk.invitations is None:
        raise UsageError("invitations are off: [xmpp] invitations")
    return desk.invitations
