"""Addresses that others name never lead back into the house, in whatever disguise."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer
from aiohttp.web import Application, Response, get

from suture.transports.destinations import NotPermitted, connector, permitted, reachable

INWARD = [
    "https://127.0.0.1/",
    "https://10.0.0.8/hook",
    "https://172.16.3.4/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://100.64.0.1/",
    "https://0.0.0.0/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://[::1]/",
    "https://[::]/",
    "https://[fe80::1]/",
    "https://[fd00::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:4136:e378:8000:63bf:80ff:fffe]/",
]
NO_ADDRESS = [
    "",
    "hook",
    "ftp://x.example/",
    "file:///etc/passwd",
    "gopher://x.example/",
    "https://",
    "https://[::1",
    "https://x:y/",
]
CUNNING = [
    "https://user:pw@hooks.example/",
    "https://hooks.example\\@127.0.0.1/",
    "https://hooks.example/\r\nHost: x",
    "https://a b/",
]


@pytest.mark.parametrize("url", [*INWARD, *NO_ADDRESS, *CUNNING, "http://hooks.example/", "https://x.example/" + "a" * 2048])
def test_what_leads_inward_or_nowhere_is_refused(url: str) -> None:
    with pytest.raises(NotPermitted):
        permitted(url)


@pytest.mark.parametrize("url", ["https://hooks.example/v1", "https://8.8.8.8:8443/x", "https://[2606:4700::1111]/"])
def test_public_addresses_pass(url: str) -> None:
    permitted(url)


def test_a_house_may_list_its_own() -> None:
    permitted("http://hooks.lan:8080/x", ["hooks.lan:8080"])
    permitted("http://[::1]:8080/x", ["[::1]:8080"])
    with pytest.raises(NotPermitted):
        permitted("http://hooks.lan:9090/x", ["hooks.lan:8080"])


@pytest.mark.parametrize("name", ["localhost", "2130706433", "0x7f000001", "127.1", "0177.0.0.1"])
def test_a_name_is_judged_by_what_it_resolves_to(name: str) -> None:
    with pytest.raises(NotPermitted):
        asyncio.run(reachable(f"https://{name}/"))


class Bent(AbstractResolver):
    """A name that is public when it is looked at, and private when it is called."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        address = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        return None


def test_a_name_that_is_bent_between_two_looks_reaches_nobody() -> None:
    async def life(listed: tuple[str, ...]) -> int:
        reached = 0

        async def hook(request: object) -> Response:
            nonlocal reached
            reached += 1
            return Response()

        app = Application()
        app.add_routes([get("/", hook)])
        async with TestServer(app) as server:
            url = f"http://rebind.example:{server.port}/"
            own = tuple(f"{host}:{server.port}" for host in listed)
            async with aiohttp.ClientSession(connector=connector(own, Bent("127.0.0.1"))) as session:
                try:
                    async with session.get(url):
                        pass
                except (NotPermitted, aiohttp.ClientError):
                    pass
        return reached

    assert asyncio.run(life(())) == 0
    assert asyncio.run(life(("rebind.example",))) == 1  # the test can tell: a listed name does get there
