"""Where webhooks may go: the open internet, and the private networks that the house has listed; nowhere else.

A partner names the address, so it could name one inside the house (server-side request forgery). Names are resolved by us and
judged after that, for each connection anew: a name that led outside yesterday may lead inside today.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

from aiohttp import abc
from aiohttp.resolver import ThreadedResolver

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
#: The longest address of a webhook.
LONGEST = 2_000
#: IPv6 addresses that stand for an IPv4 one: RFC 6052 (NAT64) and its local range of RFC 8215.
_TRANSLATED = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48")))


class Denied(ValueError):
    """An address to which nothing is sent; the message says why and names no part of it."""


def listed(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks as people write them ("10.20.0.0/16", "10.20.1.7"); raises ValueError for what is none."""
    return tuple(ipaddress.ip_network(text) for text in texts)


def checked(url: str, allowed: Sequence[Network] = ()) -> str:
    """The address, if a webhook could go there; raises Denied. Whether its name leads inside is seen at each connection."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise Denied("this is not written as a URL") from None
    if len(url) > LONGEST or not url.isascii() or not url.isprintable() or " " in url:
        raise Denied(f"an address is plain ASCII of at most {LONGEST:,} characters")
    if parts.scheme not in ("http", "https") or not host:
        raise Denied("a webhook begins with https:// and names a host")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise Denied("a webhook's address holds no user, password, query or fragment: what comes is signed instead")
    literal = _literal(host)
    if literal is not None and not may_reach(literal, allowed):
        raise Denied("this address is private; the house has to list its network first")
    if parts.scheme == "http" and (literal is None or not _within(literal, allowed)):
        raise Denied("a webhook outside of the house's own networks begins with https://")
    return url


def may_reach(address: _Address, allowed: Sequence[Network] = ()) -> bool:
    """Whether bytes may go to this address: a public one, or one in a listed network."""
    return _within(address, allowed) or all(
        part.is_global and not part.is_multicast and not part.is_reserved for part in (address, *_inner(address))
    )


class Reachable(abc.AbstractResolver):
    """Resolves a name to those of its addresses that may be reached; raises OSError if there are none."""

    def __init__(self, allowed: Sequence[Network] = (), resolver: abc.AbstractResolver | None = None) -> None:
        self._allowed, self._resolver = tuple(allowed), resolver

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[Any]:
        """What the name leads to, without what lies inside."""
        self._resolver = self._resolver or ThreadedResolver()
        found = await self._resolver.resolve(host, port, family)
        kept = [each for each in found if may_reach(ipaddress.ip_address(each["host"]), self._allowed)]
        if not kept:
            raise OSError(None, "the name leads to a private address")
        return kept

    async def close(self) -> None:
        """Let go of the resolver."""
        if self._resolver is not None:
            await self._resolver.close()


def _literal(host: str) -> _Address | None:
    """The address that a host is written as; also in the old ways (2130706433, 0x7f.1) that resolvers still follow."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def _within(address: _Address, allowed: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in allowed)


def _inner(address: _Address) -> tuple[ipaddress.IPv4Address, ...]:
    """The IPv4 addresses that an IPv6 one stands for: mapped, 6to4, Teredo or translated."""
    if not isinstance(address, ipaddress.IPv6Address):
        return ()
    inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in network for network in _TRANSLATED):
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    return tuple(each for each in inner if each is not None)
