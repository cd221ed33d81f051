"""Where we may call when somebody else names the address: public hosts over TLS, and those that this house lists.

An address that a partner gives (a webhook, a PunchOut return) must not lead back into the house: to its own services, its private
network or a cloud's metadata. Names are judged by what they resolve to at the moment of the connection (``connector``), so that
a name cannot be bent after it was looked at. Redirects are the caller's to refuse.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

#: So long may an address be.
LONGEST = 2048
#: IPv6 addresses that carry an IPv4 address in their last bits (RFC 6052, RFC 4291 section 2.5.5.1).
_CARRIERS = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
#: Addresses that only a local network knows, though a registry calls them global or nothing (RFC 6598, RFC 8215).
_LOCAL = (IPv6Network("64:ff9b:1::/48"),)


class NotPermitted(ValueError):
    """An address that this house does not call; the message may be told to whoever named it."""


def permitted(url: str, listed: Iterable[str] = ()) -> None:
    """Raises NotPermitted for an address that may not be called whatever its name resolves to.

    ``listed`` are hosts ("hooks.lan") or hosts with a port ("127.0.0.1:8080") that may be called all the same, also by http://.
    A name that passes is judged again when it is resolved.
    """
    host, port, scheme = _parts(url)
    if _is_listed(host, port, listed):
        return
    if scheme != "https":
        raise NotPermitted("an address begins with https://; what is sent there must not be read on the way")
    try:
        address = ip_address(host)
    except ValueError:
        return
    if not public(address):
        raise NotPermitted("an address must not lead into a private network")


async def reachable(url: str, listed: Iterable[str] = ()) -> None:
    """The same, and now: raises NotPermitted for a name that resolves to nothing or to any private address."""
    permitted(url, listed)
    host, port, _ = _parts(url)
    if not _is_listed(host, port, listed):
        await _Guarded(ThreadedResolver(), listed).resolve(host, port, socket.AF_UNSPEC)


def connector(listed: Iterable[str] = (), resolver: AbstractResolver | None = None) -> aiohttp.TCPConnector:
    """A connector that connects to public addresses and listed hosts only, judged when a name is resolved.

    ``permitted`` has to be asked besides: addresses in numbers are not resolved.
    """
    return aiohttp.TCPConnector(resolver=_Guarded(resolver or ThreadedResolver(), listed), use_dns_cache=False)


def public(address: IPv4Address | IPv6Address) -> bool:
    """Whether everybody may reach this address: no private, local, reserved or multicast one, in no disguise."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or _carried(address)
        if address.teredo or any(address in network for network in _LOCAL):
            return False
        if inner is not None:
            return public(inner)
    return address.is_global and not address.is_multicast and not address.is_reserved


class _Guarded(AbstractResolver):
    def __init__(self, inner: AbstractResolver, listed: Iterable[str]) -> None:
        self._inner, self._listed = inner, tuple(listed)

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        try:
            found = await asyncio.wait_for(self._inner.resolve(host, port, family), 5.0)
        except (OSError, TimeoutError):
            raise NotPermitted("the name in the address resolves to nothing") from None
        # one private address among public ones is enough to refuse: which of them is called is chance
        outward = found and all(public(ip_address(each["host"].partition("%")[0])) for each in found)
        if not outward and not _is_listed(host.lower(), port, self._listed):
            raise NotPermitted("an address must not lead into a private network")
        return found

    async def close(self) -> None:
        await self._inner.close()


def _parts(url: str) -> tuple[str, int, str]:
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise NotPermitted("this is no address") from None
    if (
        len(url) > LONGEST
        or not url.isprintable()
        or " " in url
        or "\\" in url
        or parts.scheme not in ("http", "https")
        or not host
    ):
        raise NotPermitted("this is no http:// or https:// address")
    if "@" in parts.netloc:
        raise NotPermitted("an address holds no user and no password")
    return host, port or (443 if parts.scheme == "https" else 80), parts.scheme


def _is_listed(host: str, port: int, listed: Iterable[str]) -> bool:
    name = f"[{host}]" if ":" in host else host
    return not {host, name, f"{name}:{port}"}.isdisjoint(listed)


def _carried(address: IPv6Address) -> IPv4Address | None:
    carried = any(address in network for network in _CARRIERS)
    return IPv4Address(int(address) & 0xFFFFFFFF) if carried else None
