"""Administrators' commands that change persons and end sessions (XEP-0133 4.1 to 4.7, 4.29)."""

from typing import Final

from clarion.core.events import SessionsUnwanted
from clarion.lib.errors import UsageError
from clarion.wire.sasl.keys import prepare_password
from clarion.wire.xmpp.commands import CommandError, Reason
from clarion.wire.xmpp.errors import ErrorType, StanzaCondition, StanzaError
from clarion.wire.xmpp.executions import Stage
from clarion.wire.xmpp.forms import Field, FieldKind, text_field
from clarion.wire.xmpp.jid import parse_jid
from clarion.xmpp.commands.administration import (
    bare,
    command,
    found,
    jid_field,
    jids_field,
    others,
    record,
    said,
    several,
    stage,
)
from clarion.xmpp.commands.command import Command, Done, Task


async def add_user(task: Task) -> Stage | Done:
    """Section 4.1. Without a password the person cannot log in until there is one.

    Raises:
        StanzaError: The address is taken.
        CommandError: The two passwords differ.
        UsageError: It is of another domain, or the password cannot be one.

    """
    if not task.answers:
        return stage(
            "Adding a User",
            "Fill out this form to add a user.",
            jid_field("The Jabber ID for the account to be added"),
            Field("password", (), FieldKind.TEXT_PRIVATE, "The password for this account"),
            Field("password-verify", (), FieldKind.TEXT_PRIVATE, "Retype password"),
            text_field("email", label="Email address"),
            text_field("given_name", label="Given name"),
            text_field("surname", label="Family name"),
        )
    (form,) = task.answers
    directory = task.services.directory
    address = directory.own_address(bare(form.value("accountjid") or "").bare)
    password = form.value("password")
    verify = form.value("password-verify")
    if verify is not None and verify != password:
        raise CommandError(Reason.BAD_PAYLOAD, "the two passwords are not the same")
    if password is not None:
        prepare_password(password)  # before there is somebody who cannot have it
    try:
        directory.check_free(address)
    except UsageError as error:
        raise StanzaError(StanzaCondition.CONFLICT, str(error)) from error
    # The address is the mailbox too, so "email" says nothing new here.
    names = (form.value("given_name") or "", form.value("surname") or "")
    person = await directory.add_person(address, name=" ".join(names).strip())
    if password is not None:
        await task.services.identity.set_password(person, password)
    record(task, "person.add", address)
    return said(f"{address} has been added")


async def delete_user(task: Task) -> Stage | Done:
    """Section 4.2.

    Raises:
        StanzaError: There is no such person, or it is who asks.

    """
    if not task.answers:
        return stage(
            "Deleting a User",
            "Fill out this form to delete a user.",
            jids_field("The Jabber ID(s) to delete"),
        )
    persons = others(task, "delete")
    for person in persons:
        await task.services.directory.delete(person.address)
        record(task, "person.delete", person.address)
    return said(_told([person.address for person in persons], "deleted"))


async def disable_user(task: Task) -> Stage | Done:
    """Section 4.3.

    Raises:
        StanzaError: There is no such person, or it is who asks.

    """
    if not task.answers:
        return stage(
            "Disabling a User",
            "Fill out this form to disable a user.",
            jids_field("The Jabber ID(s) to disable"),
        )
    persons = others(task, "disable")
    for person in persons:
        await task.services.directory.disable(person.address)
        record(task, "person.disable", person.address)
    return said(_told([person.address for person in persons], "disabled"))


async def reenable_user(task: Task) -> Stage | Done:
    """Section 4.4.

    Raises:
        StanzaError: There is no such person.

    """
    if not task.answers:
        return stage(
            "Re-Enable a User",
            "Fill out this form to re-enable a user.",
            jids_field("The Jabber ID(s) to re-enable"),
        )
    persons = several(task)
    for person in persons:
        await task.services.directory.enable(person.address)
        record(task, "person.enable", person.address)
    return said(_told([person.address for person in persons], "enabled again"))


async def end_user_session(task: Task) -> Stage | Done:
    """Section 4.5: a bare JID is all sessions, a full one only that.

    Raises:
        StanzaError: There is no such person.

    """
    if not task.answers:
        return stage(
            "Ending a User Session",
            "Fill out this form to end a user's session.",
            jids_field("The Jabber ID(s) for which to end sessions"),
        )
    jids = [parse_jid(text) for text in task.answers[0].values("accountjids")]
    persons = [found(task, jid) for jid in jids]
    ended: list[str] = []
    for jid, person in zip(jids, persons, strict=True):
        refs = task.services.sessions.of(person.address)
        ended += [
            f"{person.address}/{ref.resource}" for ref in refs if jid.resource in {"", ref.resource}
        ]
        task.services.bus.publish(SessionsUnwanted(person, jid.resource))
        record(task, "session.end", jid.full)
    return said(_told(ended, "ended") if ended else "there was no such session")


async def change_user_password(task: Task) -> Stage | Done:
    """Section 4.7.

    Raises:
        StanzaError: There is no such person.
        UsageError: The password cannot be one.

    """
    if not task.answers:
        return stage(
            "Changing a User Password",
            "Fill out this form to change a user's password.",
            jid_field("The Jabber ID for this account"),
            Field(
                "password",
                (),
                FieldKind.TEXT_PRIVATE,
                "The password for this account",
                required=True,
            ),
        )
    (form,) = task.answers
    person = found(task, bare(form.value("accountjid") or ""))
    await task.services.identity.set_password(person, form.value("password") or "")
    record(task, "person.password", person.address)
    return said(f"the password of {person.address} has been changed")


async def edit_admin(task: Task) -> Stage | Done:
    """Section 4.29: who administers; the form shows who does now.

    Raises:
        StanzaError: There is no such person, or who asks is not among them: who
            gave up the right may be the last one who had it.

    """
    directory = task.services.directory
    now = {person.address for person in directory.everybody() if person.admin}
    if not task.answers:
        return stage(
            "Editing the Admin List",
            "Fill out this form to edit the list of users who have administrative privileges.",
            Field("adminjids", tuple(sorted(now)), FieldKind.JID_MULTI, "The admin list"),
        )
    texts = task.answers[0].values("adminjids")
    wanted = [found(task, bare(text)).address for text in texts]
    if task.person.address not in wanted:
        raise StanzaError(
            StanzaCondition.NOT_ALLOWED,
            "you cannot take the right from yourself",
            kind=ErrorType.CANCEL,
        )
    added, removed = sorted(set(wanted) - now), sorted(now - set(wanted))
    for verb, addresses in (("person.admin", added), ("person.no-admin", removed)):
        for address in addresses:
            await directory.change_person(address, admin=verb == "person.admin")
            record(task, verb, address)
    return said(f"{len(added)} added, {len(removed)} removed")


def _told(what: list[str], done: str) -> str:
    names = ", ".join(what)
    return f"{names}: {done}" if len(names) <= 1000 else f"{len(what)} {done}"


COMMANDS: Final[tuple[Command, ...]] = (
    command("add-user", "Add a user", add_user),
    command("delete-user", "Delete users", delete_user),
    command("disable-user", "Disable users", disable_user),
    command("reenable-user", "Re-enable users", reenable_user),
    command("end-user-session", "End users' sessions", end_user_session),
    command("change-user-password", "Change a user's password", change_user_password),
    command("edit-admin", "Edit the list of administrators", edit_admin),
)
