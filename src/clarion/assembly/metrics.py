"""What scrapers are told, of every part of the house."""

import socket
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager

from prometheus_client.metrics_core import Metric

from clarion.admin.figures import house_figures
from clarion.admin.metrics import MetricsListener
from clarion.assembly.foundation import Foundation
from clarion.lib.lag import LoopLag
from clarion.lib.metrics import Exposition, Source
from clarion.store.backup import last_backup
from clarion.store.figures import store_figures


@asynccontextmanager
async def open_metrics(
    ground: Foundation, sockets: Sequence[socket.socket], doors: Sequence[Source]
) -> AsyncGenerator[MetricsListener, None]:
    """Open the metrics.

    Args:
        ground: Tells of the loop, the store, the people and the certificate.
        sockets: Where to listen.
        doors: What each door tells of itself.

    """
    lag = LoopLag(ground.clock)

    def store() -> Iterable[Metric]:
        return store_figures(ground.database.meter)

    def house() -> Iterable[Metric]:
        certificate = ground.certificate
        return house_figures(
            ground.mint.minted,
            ground.directory,
            None if certificate is None else certificate.expires,
            last_backup(ground.config.data),
        )

    told = Exposition((*doors, store, lag.figures, house), ground.clock.monotonic)
    listener = MetricsListener(sockets, told)
    async with lag.serve(), listener.serve():
        yield listener
