"""From an address to the Link that it names: http(s)://, mllp(s)://, file:// or sftp://."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from urllib.parse import SplitResult, unquote, urlsplit

from msgspec import Struct, field

from suture.transports.exchange import Link


class Access(Struct, frozen=True, kw_only=True):
    """What opens a counterpart's door, next to its address; each transport takes what is its own. Never shown.

    HTTP: ``headers`` with every request, ``credentials`` asked for headers before each, ``secret`` to sign with (Standard
    Webhooks). SFTP: the server's public ``host_key`` and our private ``client_key``, both as text. Files: ``marker`` leaves
    NAME.done beside each. ``tls`` replaces the system's trust (a client certificate, a private authority).
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    credentials: Callable[[], Awaitable[Mapping[str, str]]] | None = None
    secret: str = ""
    host_key: str = ""
    client_key: str = ""
    marker: bool = False
    tls: ssl.SSLContext | None = None

    def __repr__(self) -> str:
        return "Access(…)"


def open_link(
    address: str,
    access: Access | None = None,
    *,
    clock: Callable[[], datetime],
    timeout_s: float = 10.0,
    concurrency: int = 8,
) -> Link:
    """The link that the address's scheme names; it connects when it is first used.

    Raises ValueError, without repeating the address, for one that names no transport or misses a part.
    """
    access = access or Access()
    url = _split(address)
    match url.scheme:
        case "http" | "https":
            return _http(address, access, clock, timeout_s, concurrency)
        case "mllp" | "mllps":
            return _mllp(url, access, timeout_s)
        case "file":
            return _folder(url, access, timeout_s)
        case "sftp":
            return _sftp(address, access, timeout_s, concurrency)
        case _:
            raise ValueError("an address begins with http://, https://, mllp://, mllps://, file:// or sftp://")


# Each transport is imported when an address asks for it: few houses use all, and SFTP is an extra.


def _http(address: str, access: Access, clock: Callable[[], datetime], timeout_s: float, concurrency: int) -> Link:
    from suture.transports.http import HttpLink

    return HttpLink(
        address,
        timeout_s=timeout_s,
        concurrency=concurrency,
        headers=access.headers,
        credentials=access.credentials,
        secret=access.secret,
        clock=clock,
        tls=access.tls,
    )


def _mllp(url: SplitResult, access: Access, timeout_s: float) -> Link:
    from suture.transports.mllp import MllpLink

    if not url.hostname or not url.port or url.username or url.path.strip("/"):
        raise ValueError("an MLLP address is mllp://HOST:PORT or mllps://HOST:PORT")
    tls = access.tls or (ssl.create_default_context() if url.scheme == "mllps" else None)
    return MllpLink(url.hostname, url.port, timeout_s=timeout_s, tls=tls)


def _folder(url: SplitResult, access: Access, timeout_s: float) -> Link:
    from suture.transports.folder import FolderLink

    if url.netloc not in ("", "localhost") or not url.path.startswith("/"):
        raise ValueError("a folder's address is file:///PATH, from the root of this host")
    return FolderLink(unquote(url.path), marker=access.marker, timeout_s=timeout_s)


def _sftp(address: str, access: Access, timeout_s: float, concurrency: int) -> Link:
    try:
        from suture.transports.sftp import Session, SftpLink
    except ImportError:
        raise ValueError("an SFTP address needs the extra: pip install 'suture[sftp]'") from None
    session = Session(address, host_key=access.host_key, client_key=access.client_key, timeout_s=timeout_s)
    return SftpLink(session, marker=access.marker, concurrency=concurrency, timeout_s=timeout_s)


def _split(address: str) -> SplitResult:
    try:
        url = urlsplit(address)
        _ = url.port
    except ValueError:
        raise ValueError("the address is not written as a URL") from None
    return url
