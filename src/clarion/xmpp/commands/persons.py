"""Administrators' commands that change persons and end sessions (XEP-0133 4.1 to 4.7, 4.29)."""

from functools import partial
from typing import Final

from clarion.core.events import SessionsUnwanted
from clarion.lib.errors import UsageError
from clarion.wire.sasl.keys import prepare_password
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.executions import Stage
from clarion.wire.xmpp.forms import Field, FieldKind, Form, text_field
from clarion.wire.xmpp.jid import parse_jid
from clarion.xmpp.commands.administration import (
    account,
    command,
    each,
    found,
    jid_field,
    jids_field,
    not_allowed,
    one,
    others,
    record,
    retyped,
    said,
    secret_field,
    several,
    stage,
)
from clarion.xmpp.commands.command import Command, Done, Task, asks


@asks(
    stage(
        "Adding a User",
        "Fill out this form to add a user.",
        jid_field("The Jabber ID for the account to be added"),
        secret_field("password", "The password for this account"),
        secret_field("password-verify", "Retype password"),
        text_field("email", label="Email address"),
        text_field("given_name", label="Given name"),
        text_field("surname", label="Family name"),
    )
)
async def add_user(task: Task, form: Form) -> Done:
    """Section 4.1. Without a password the person cannot log in until there is one.

    Raises:
        StanzaError: The address is taken.
        CommandError: The two passwords differ.
        UsageError: It is of another domain, or the password cannot be one.

    """
    directory = task.services.directory
    address = directory.own_address(account(form).bare)
    password = retyped(form)
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


@asks(
    stage(
        "Deleting a User",
        "Fill out this form to delete a user.",
        jids_field("The Jabber ID(s) to delete"),
    )
)
async def delete_user(task: Task, form: Form) -> Done:
    """Section 4.2.

    Raises:
        StanzaError: There is no such person, or it is who asks.

    """
    addresses = [person.address for person in others(task, form, "delete")]
    await each(task, "person.delete", addresses, task.services.directory.delete)
    return _told(addresses, "deleted")


@asks(
    stage(
        "Disabling a User",
        "Fill out this form to disable a user.",
        jids_field("The Jabber ID(s) to disable"),
    )
)
async def disable_user(task: Task, form: Form) -> Done:
    """Section 4.3.

    Raises:
        StanzaError: There is no such person, or it is who asks.

    """
    addresses = [person.address for person in others(task, form, "disable")]
    await each(task, "person.disable", addresses, task.services.directory.disable)
    return _told(addresses, "disabled")


@asks(
    stage(
        "Re-Enable a User",
        "Fill out this form to re-enable a user.",
        jids_field("The Jabber ID(s) to re-enable"),
    )
)
async def reenable_user(task: Task, form: Form) -> Done:
    """Section 4.4.

    Raises:
        StanzaError: There is no such person.

    """
    addresses = [person.address for person in several(task, form)]
    await each(task, "person.enable", addresses, task.services.directory.enable)
    return _told(addresses, "enabled again")


@asks(
    stage(
        "Ending a User Session",
        "Fill out this form to end a user's session.",
        jids_field("The Jabber ID(s) for which to end sessions"),
    )
)
async def end_user_session(task: Task, form: Form) -> Done:
    """Section 4.5: a bare JID is all sessions, a full one only that.

    Raises:
        StanzaError: There is no such person.

    """
    jids = [parse_jid(text) for text in form.values("accountjids")]
    persons = [found(task, jid) for jid in jids]
    ended: list[str] = []
    for jid, person in zip(jids, persons, strict=True):
        refs = task.services.sessions.of(person.address)
        ended += [
            f"{person.address}/{ref.resource}" for ref in refs if jid.resource in {"", ref.resource}
        ]
        task.services.bus.publish(SessionsUnwanted(person, jid.resource))
        record(task, "session.end", jid.full)
    return _told(ended, "ended") if ended else said("there was no such session")


@asks(
    stage(
        "Changing a User Password",
        "Fill out this form to change a user's password.",
        jid_field("The Jabber ID for this account"),
        secret_field("password", "The password for this account", required=True),
    )
)
async def change_user_password(task: Task, form: Form) -> Done:
    """Section 4.7.

    Raises:
        StanzaError: There is no such person.
        UsageError: The password cannot be one.

    """
    person = one(task, form)
    await task.services.identity.set_password(person, form.value("password") or "")
    record(task, "person.password", person.address)
    return said(f"the password of {person.address} has been changed")


def _admins(task: Task) -> set[str]:
    return {person.address for person in task.services.directory.everybody() if person.admin}


def _admin_list(task: Task) -> Stage:
    return stage(
        "Editing the Admin List",
        "Fill out this form to edit the list of users who have administrative privileges.",
        Field("adminjids", tuple(sorted(_admins(task))), FieldKind.JID_MULTI, "The admin list"),
    )


@asks(_admin_list)
async def edit_admin(task: Task, form: Form) -> Done:
    """Section 4.29: who administers; the form shows who does now.

    Raises:
        StanzaError: There is no such person, or who asks is not among them: who
            gave up the right may be the last one who had it.

    """
    wanted = {person.address for person in several(task, form, "adminjids")}
    if task.person.address not in wanted:
        raise not_allowed("you cannot take the right from yourself")
    now, change = _admins(task), task.services.directory.change_person
    added, removed = sorted(wanted - now), sorted(now - wanted)
    await each(task, "person.admin", added, partial(change, admin=True))
    await each(task, "person.no-admin", removed, partial(change, admin=False))
    return said(f"{len(added)} added, {len(removed)} removed")


def _told(what: list[str], done: str) -> Done:
    names = ", ".join(what)
    return said(f"{names}: {done}" if len(names) <= 1000 else f"{len(what)} {done}")


COMMANDS: Final[tuple[Command, ...]] = (
    command("add-user", "Add a user", add_user),
    command("delete-user", "Delete users", delete_user),
    command("disable-user", "Disable users", disable_user),
    command("reenable-user", "Re-enable users", reenable_user),
    command("end-user-session", "End users' sessions", end_user_session),
    command("change-user-password", "Change a user's password", change_user_password),
    command("edit-admin", "Edit the list of administrators", edit_admin),
)
