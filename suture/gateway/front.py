"""The gateway put together for one process: whom it believes, what they may do, every operation, and where it answers."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from starlette.types import ASGIApp

from suture.gateway.access import Access, read_access
from suture.gateway.events.addresses import listed
from suture.gateway.events.hall import Hall
from suture.gateway.identity import Identity, read_identity
from suture.gateway.identity.glass import Glass
from suture.gateway.limits import Limits, read_limits
from suture.gateway.operation import operations
from suture.gateway.reach import House
from suture.gateway.served import Gateway, Prover
from suture.gateway.system_apis import system_apis
from suture.journal.blobs import load_or_create_key
from suture.runtime.service import Service
from suture.runtime.serving import Serving
from suture.views.register import Register


class Front:
    """The gateway of one process. It answers under /api/ and at /openapi.json, and sends events to those who subscribed."""

    def __init__(
        self,
        gateway: Gateway,
        identity: Identity | None = None,
        tls: ssl.SSLContext | None = None,
        hall: Hall | None = None,
    ) -> None:
        self.gateway, self.identity, self.tls, self.hall = gateway, identity, tls, hall

    @property
    def apps(self) -> Mapping[str, ASGIApp]:
        """Applications by the first part of their path."""
        return {"api": self.gateway, "openapi.json": self.gateway}

    def exposition(self) -> str:
        """Figures of the calls, in Prometheus's text format."""
        return self.gateway.usage.exposition()

    async def close(self) -> None:
        """Ask and send nothing more, and let go of files and connections."""
        if self.hall is not None:
            await self.hall.stop()
        await self.gateway.close()
        if self.identity is not None:
            await self.identity.close()


def front(serving: Serving) -> Front:
    """The gateway that a network is served with: access.toml, identity.toml and gateway.toml (its limits) lie beside the network
    file. Raises BadAccess, BadIdentity and BadLimits.
    """
    access, settings = read_access(serving.folder / "access.toml"), read_identity(serving.folder / "identity.toml")
    service = serving.service
    identity = Identity(settings, serving.journal, serving.clock, service.in_thread, access)
    register = serving.folder / f"{Path(serving.network.journal).stem}.register"
    limits, tls = read_limits(serving.folder / "gateway.toml"), settings.tls.context() if settings.tls else None
    hall = Hall(
        service,
        load_or_create_key(serving.folder / "webhooks.key"),
        access=lambda: access,
        allowed=listed(serving.network.private_networks),
        standstill=lambda: serving.standstill,
        origin=urlsplit(settings.public).hostname or "",
    )
    glass = Glass(serving.journal, serving.clock, service.in_thread, lambda: access, identity.forget)
    gateway = assembled(service, identity, access, register, limits=limits, beside={**hall.beside, "emergency": glass})
    gateway.standstill = lambda: serving.standstill
    hall.start()
    return Front(gateway, identity, tls, hall)


def assembled(
    service: Service,
    prover: Prover,
    access: Access,
    register: Path | None = None,
    *,
    limits: Limits | None = None,
    beside: Mapping[str, ASGIApp] | None = None,
) -> Gateway:
    """The application over a service; without a file the register is kept in memory."""
    wiring = service.wiring
    every = {**operations(), **system_apis(wiring.network, wiring.systems)}
    return Gateway(House(service, Register(register)), prover, access, every, limits=limits, beside=beside)
