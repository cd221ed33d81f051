"""A real OpenID provider for tests: npm's oidc-provider, installed under ``.live/identity`` by ``make test``."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, OpenerDirector, Request, build_opener

import pytest

HERE = Path(__file__).resolve().parent
MODULE = HERE.parents[1] / ".live" / "identity" / "node_modules" / "oidc-provider" / "lib" / "index.js"
AUDIENCE = "urn:suture:api"
REDIRECT = "http://127.0.0.1:1/signed-in"
SECRETS = {name: f"only-for-tests-only-for-tests-000{number}" for number, name in enumerate(("erp", "stranger", "suture"), 1)}


class Provider:
    """The provider, asked as machines and browsers ask it."""

    def __init__(self, port: int) -> None:
        self.issuer = f"http://127.0.0.1:{port}"

    def token(
        self, client: str = "erp", scope: str = "orders", resource: str = AUDIENCE, headers: dict[str, str] | None = None
    ) -> str:
        """An access token by client credentials (RFC 6749 section 4.4)."""
        form = {"grant_type": "client_credentials", "client_id": client, "client_secret": SECRETS[client]}
        return str(self.post("/token", {**form, "scope": scope, "resource": resource}, headers)["access_token"])

    def revoke(self, token: str, client: str = "erp") -> None:
        """The client gives its token back (RFC 7009)."""
        self.post("/token/revocation", {"token": token, "client_id": client, "client_secret": SECRETS[client]})

    def post(self, path: str, form: dict[str, str], headers: dict[str, str] | None = None) -> dict[str, Any]:
        """What is answered to a form."""
        request = Request(self.issuer + path, urlencode(form).encode(), headers or {})
        with build_opener().open(request, timeout=10) as answer:
            raw = answer.read()
        return json.loads(raw) if raw.startswith(b"{") else {}

    def browse(self, address: str) -> str:
        """Where a browser with cookies ends that follows all redirects of the provider: our own address, with its query."""
        browser = build_opener(HTTPCookieProcessor(), _Standing())
        for _ in range(10):
            address = _next(browser, address, self.issuer)
            if not address.startswith(self.issuer):
                return address
        raise AssertionError("the provider sends in circles")


class _Standing(HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def _next(browser: OpenerDirector, address: str, issuer: str) -> str:
    try:
        with browser.open(address, timeout=10) as page:
            raise AssertionError(f"a page and no redirect: {page.read()[:300]!r}")
    except HTTPError as answer:
        target = answer.headers.get("location", "")
        answer.close()
    if not target:
        raise AssertionError(f"neither a page nor a redirect from {address}")
    return target if "://" in target else issuer + target


@contextmanager
def running() -> Iterator[Provider]:
    """The provider on a port of its own; skips the test where node or the package is not there."""
    node = shutil.which("node")
    if node is None or not MODULE.exists():
        pytest.skip("needs node and oidc-provider: npm install --prefix .live/identity oidc-provider@9.13.3")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    argv = [node, str(HERE / "provider.mjs"), str(MODULE), str(port)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if line.strip() == "ready":
                    break
            else:
                raise AssertionError("the provider did not start")
            yield Provider(port)
        finally:
            process.kill()
