"""The administration socket, with the desk that its verbs work on."""

import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from clarion.admin.desk import Desk
from clarion.admin.listener import AdminListener
from clarion.admin.reloading import Reload
from clarion.assembly.foundation import Foundation
from clarion.assembly.xmpp import OpenXmpp
from clarion.core.erasure import Erasure
from clarion.core.retention import Retention
from clarion.core.upload_book import Uploads


@asynccontextmanager
async def open_admin(
    ground: Foundation,
    xmpp: OpenXmpp,
    reload: Reload,
    retention: Retention,
    erasure: Erasure,
    listening: Sequence[tuple[str, str]],
    uploads: Uploads | None = None,
) -> AsyncGenerator[None, None]:
    """Open the socket; last of all, so that every verb finds what it needs.

    Args:
        ground: Persons, passwords, the ledger and the audit.
        xmpp: Its sessions are counted, and it sends offers of contacts.
        reload: Reads settings and certificate again.
        retention: Deletes what is too old.
        erasure: Erases persons.
        listening: Kind and address of every listener, for ``status``.
        uploads: Files that people share, where there are any.

    """
    certificate = ground.certificate

    def facts() -> dict[str, Any]:
        return {
            "sessions": len(xmpp.door.lifecycle),
            "process": os.getpid(),
            "certificate_expires": None if certificate is None else certificate.expires,
            "listening": [{"kind": kind, "address": where} for kind, where in listening],
        }

    desk = Desk(
        directory=ground.directory,
        identity=ground.identity,
        ledger=ground.ledger,
        seal=ground.seal,
        facts=facts,
        reload=reload,
        offer=xmpp.offer,
        auditor=ground.auditor,
        retention=retention,
        erasure=erasure,
        rooms=ground.rooms,
        devices=ground.devices,
        invitations=ground.invitations,
        public=ground.config.web.public if ground.config.web is not None else "",
        uploads=uploads,
        tokens=ground.tokens,
    )
    async with AdminListener(ground.config.socket, desk).serve():
        yield
