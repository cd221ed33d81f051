"""A webhook never reaches what is private, however its address is written and wherever its name leads."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Any

import pytest
from aiohttp import abc

from suture.gateway.events.addresses import Denied, Reachable, checked, listed, may_reach
from suture.transports.exchange import Http, NotSent
from suture.transports.http import HttpLink

PRIVATE = [
    *("127.0.0.1", "10.1.2.3", "172.16.0.9", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "255.255.255.255"),
    *("224.0.0.1", "192.0.2.1", "198.18.0.1", "240.0.0.1", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a00:1::1"),
    "2001:0:7f00:1::",
]


@pytest.mark.parametrize("text", PRIVATE)
def test_private_addresses_are_denied(text: str) -> None:
    assert not may_reach(ipaddress.ip_address(text))
    with pytest.raises(Denied):
        checked(f"https://[{text}]/hook" if ":" in text else f"https://{text}/hook")


@pytest.mark.parametrize("text", ["93.184.216.34", "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946"])
def test_public_ones_are_not(text: str) -> None:
    assert may_reach(ipaddress.ip_address(text))


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "017700000001", "127.0.0.1"])
def test_old_ways_to_write_an_address_hide_nothing(host: str) -> None:
    with pytest.raises(Denied):
        checked(f"https://{host}/hook")


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "gopher://example.org/", "ftp://example.org/", "//example.org/x", "example.org", ""),
        *("https://", "https://user:pass@example.org/", "https://example.org/?to=10.0.0.1", "https://example.org/#x"),
        *("https://example.org:99999/", "https://exa mple.org/", "https://example.org/\r\nHost: inside", "http://example.org/"),
        *("https://[::1", "https://example.org/" + "x" * 2_000, "https://ex\u00e4mple.org/"),
    ],
)
def test_what_is_no_address_of_a_webhook_is_denied_without_repeating_it(url: str) -> None:
    with pytest.raises(Denied) as denied:
        checked(url)
    assert len(url) < 10 or url not in str(denied.value)


def test_a_listed_network_may_be_reached_and_without_tls() -> None:
    house = listed(["10.20.0.0/16", "fd00:1::/32"])
    assert checked("http://10.20.3.4:8080/hook", house)
    assert checked("http://[fd00:1::9]/hook", house)
    with pytest.raises(Denied):
        checked("https://10.21.0.1/hook", house)
    with pytest.raises(ValueError, match="network"):
        listed(["10.20.0.0/99"])


class Told(abc.AbstractResolver):
    """A name server that says what it is told to say."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[Any]:
        return [
            {"hostname": host, "host": address, "port": port, "family": 2, "proto": 0, "flags": 0} for address in self.addresses
        ]

    async def close(self) -> None:
        """Nothing is open."""


def test_a_name_that_leads_inside_leads_nowhere() -> None:
    async def scene() -> None:
        with pytest.raises(OSError, match="private"):
            await Reachable(resolver=Told("10.0.0.1", "127.0.0.1")).resolve("inside.example.org", 443)
        (kept,) = await Reachable(resolver=Told("10.0.0.1", "8.8.8.8")).resolve("both.example.org", 443)
        assert kept["host"] == "8.8.8.8"

    asyncio.run(scene())


def test_not_a_byte_goes_to_a_name_that_leads_inside() -> None:
    """The name was public when it was subscribed; now it leads to this machine, where somebody listens."""
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(100))
        writer.close()

    async def scene() -> None:
        server = await asyncio.start_server(listen, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        link = HttpLink(f"http://rebound.example.org:{port}/hook", resolver=Reachable(resolver=Told("127.0.0.1")))
        with pytest.raises(NotSent):
            await link.perform(Http(method="POST", path="", body=b"secret"))
        await link.close()
        open_link = HttpLink(
            f"http://rebound.example.org:{port}/hook",
            timeout_s=2,
            resolver=Reachable(listed(["127.0.0.0/8"]), Told("127.0.0.1")),
        )
        with pytest.raises(Exception, match="POST"):
            await open_link.perform(Http(method="POST", path="", body=b"secret"))
        await open_link.close()
        server.close()

    asyncio.run(scene())
    assert len(heard) == 1, "listed, it would have been reached: the test can fail"
