"""The verbs that let things go, or note that they are kept: erasure, retention, backup."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from clarion.admin.arguments import Arguments
from clarion.admin.desk import Desk, Progress
from clarion.lib.errors import UnavailableError, UsageError


async def erase(desk: Desk, arguments: Arguments, progress: Progress) -> Mapping[str, Any]:
    """``person.erase``: everything of a person, with ``messages`` the text of what they sent."""
    address = desk.directory.own_address(arguments.text("address"))
    messages = arguments.flag("messages")
    arguments.finish()
    if desk.erasure is None:
        raise UnavailableError("nobody is erased here")
    counts = await desk.erasure.erase(address, messages=messages, progress=progress)
    return {"address": address, "messages": messages, **counts}


async def run_retention(desk: Desk, arguments: Arguments, progress: Progress) -> Mapping[str, Any]:
    """``retention.run``: delete now what is too old; with ``dry`` only look."""
    dry = arguments.flag("dry")
    arguments.finish()
    if desk.retention is None:
        raise UnavailableError("nothing is deleted here")
    told = desk.retention.told()
    if dry:
        return {**told, "dry": True, **asdict(await desk.retention.due())}
    if not told["messages_days"]:
        raise UsageError("[retention] messages is 0: everything is kept for ever")
    return {**told, "dry": False, **asdict(await desk.retention.run(progress))}


async def backed_up(desk: Desk, arguments: Arguments, progress: Progress) -> None:
    """``backup``: a backup was written to ``file``; only noted, ``clarion backup`` did it."""
    arguments.text("file")
    arguments.number("size_bytes", 0, 0, 1 << 60)
    arguments.finish()
