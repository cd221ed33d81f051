"""A partner's SFTP server, as a folder that whole files are left in and picked up from; needs the extra ``sftp``."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from urllib.parse import unquote, urlsplit

import asyncssh
from asyncssh import SFTPClient, SFTPError

from suture.transports.exchange import Collision, Drop, NoReply, NotSent, Request, Taken
from suture.transports.permit import last_look
from suture.transports.pickup import MARKER, is_plain

#: The server says that there is no such name.
GONE = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath)
#: The server says nothing any more.
LOST = (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection)
#: Whatever may go wrong between us and a server.
FAILURES = (asyncssh.Error, OSError, TimeoutError)

_HOST_KEYS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)


class Session:
    """One kept connection to one server whose host key was agreed beforehand.

    ``address`` is sftp://USER@HOST[:PORT]/PATH (or /~/PATH, from where the login begins); ``host_key`` a public key as in
    "ssh-ed25519 AAAA..."; ``client_key`` our private key as text. Raises ValueError without repeating any of them.
    """

    def __init__(self, address: str, *, host_key: str, client_key: str, timeout_s: float = 10.0) -> None:
        self.user, self.host, self.port, self.path = _parts(address)
        try:
            self._host_key = asyncssh.import_public_key(host_key)
            self._client_key = asyncssh.import_private_key(client_key)
        except asyncssh.KeyImportError:
            raise ValueError("an SFTP session needs the server's public host key and our private key") from None
        self._timeout_s = timeout_s
        self._opening = asyncio.Lock()
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: SFTPClient | None = None

    async def client(self) -> SFTPClient:
        """The SFTP client of the kept connection, connected anew where it is gone; raises NotSent."""
        async with self._opening:
            if self._client is None or self._connection is None or self._connection.is_closed():
                self._client = await self._open()
            return self._client

    def drop(self) -> None:
        """Forget a connection that failed; what is under way on it fails too."""
        connection, self._connection, self._client = self._connection, None, None
        if connection is not None:
            connection.abort()

    async def close(self) -> None:
        """End the connection properly."""
        connection, self._connection, self._client = self._connection, None, None
        if connection is not None:
            connection.close()
            await connection.wait_closed()

    async def _open(self) -> SFTPClient:
        presented: list[asyncssh.SSHKey] = []
        try:
            async with asyncio.timeout(self._timeout_s):
                self._connection = await self._connect(presented)
                return await self._connection.start_sftp_client(path_errors="surrogateescape")
        except (*FAILURES, ValueError) as failure:
            self.drop()
            raise NotSent(f"{self.host}:{self.port}: {self._word(failure, presented)}") from None

    async def _connect(self, presented: list[asyncssh.SSHKey]) -> asyncssh.SSHClientConnection:
        class Witness(asyncssh.SSHClient):
            """Remembers the host key that was not the agreed one; it stays refused."""

            def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
                presented.append(key)
                return False

        return await asyncssh.connect(
            self.host,
            self.port,
            username=self.user,
            client_factory=Witness,
            known_hosts=([self._host_key], [], []),
            server_host_key_algs=_algorithms(self._host_key),
            client_keys=[self._client_key],
            # Nothing of whoever runs us: no configuration, agent or other ways to log in.
            config=None,
            agent_path=None,
            preferred_auth="publickey",
            keepalive_interval=15,
        )

    def _word(self, failure: BaseException, presented: list[asyncssh.SSHKey]) -> str:
        """What happened, in words that hold no secrets."""
        agreed = self._host_key.get_fingerprint()
        match failure:
            case asyncssh.HostKeyNotVerifiable() if presented:
                return f"host key {presented[0].get_fingerprint()} is not the agreed {agreed}; ask the partner before changing it"
            case asyncssh.PermissionDenied():
                return "the server does not let us in with this user and key"
            case TimeoutError():
                return "no connection in time"
            case OSError():
                return f"no connection ({failure.strerror or 'failed'})"
            case _:
                return "the server ended the conversation"


class SftpLink:
    """A Link that leaves files on an SFTP server, whole or not at all; see ``folder.FolderLink``, which it resembles.

    A file is written aside, its size compared, then renamed, which never replaces another file. Until the rename is asked for
    every failure is NotSent; from then on a lost connection is a NoReply.
    """

    def __init__(self, session: Session, *, marker: bool = False, concurrency: int = 4, timeout_s: float = 10.0) -> None:
        self._session = session
        self._marker = marker
        self._places = asyncio.Semaphore(concurrency)
        self._timeout_s = timeout_s

    async def perform(self, request: Request) -> Taken:
        """An empty Taken once the file is there; raises NotSent, Collision or NoReply, and TypeError for anything but a Drop."""
        if not isinstance(request, Drop):
            raise TypeError(f"SFTP carries Drop requests, not {type(request).__name__}")
        if not is_plain(request.name):
            raise NotSent("the file's name is not a plain name of at most 200 bytes")
        asked = False
        try:
            async with asyncio.timeout(self._timeout_s), self._places:
                client = await self._session.client()
                temporary = await self._upload(client, request)
                last_look()
                asked = True
                await self._publish(client, temporary, request)
        except FAILURES as failure:
            if not isinstance(failure, SFTPError) or isinstance(failure, LOST):
                self._session.drop()
            if asked:
                raise NoReply("the conversation broke off while the file was given its name") from None
            raise NotSent(f"the server did not take the file ({type(failure).__name__})") from None
        return Taken()

    async def close(self) -> None:
        """End the connection; what is under way ends with NotSent or NoReply."""
        await self._session.close()

    async def _upload(self, client: SFTPClient, request: Drop) -> str:
        """Write the file aside, unless it is already there; raises Collision, and NotSent if the server kept less."""
        if await self._holds(client, request):
            return ""
        digest = hashlib.sha256(request.body).hexdigest()[:16]
        temporary = f"{self._session.path}/.{request.name}.{digest}.part"
        async with client.open(temporary, "wb") as file:
            await file.write(request.body)
            with contextlib.suppress(asyncssh.SFTPOpUnsupported):
                await file.fsync()
        size = (await client.stat(temporary)).size
        if size != len(request.body):
            raise NotSent(f"the server kept {size} of {len(request.body)} bytes")
        return temporary

    async def _publish(self, client: SFTPClient, temporary: str, request: Drop) -> None:
        target = f"{self._session.path}/{request.name}"
        if temporary:
            try:
                await client.rename(temporary, target)
            except LOST:
                raise
            except SFTPError as failure:
                # Somebody was faster, or the server failed after it had done it: look rather than believe.
                if not await self._holds(client, request):
                    raise NotSent(f"the server did not rename the file ({type(failure).__name__})") from None
        if self._marker:
            async with client.open(target + MARKER, "wb"):
                pass

    async def _holds(self, client: SFTPClient, request: Drop) -> bool:
        """Whether the file is there with these bytes; raises Collision if it is there with others."""
        target = f"{self._session.path}/{request.name}"
        try:
            size = (await client.lstat(target)).size
            same = size == len(request.body) and await content(client, target, len(request.body)) == request.body
        except GONE:
            return False
        if not same:
            raise Collision("the server holds other bytes under this name")
        return True


def _parts(address: str) -> tuple[str, str, int, str]:
    """User, host, port and path of an address; raises ValueError without repeating it."""
    try:
        url = urlsplit(address)
        port = url.port or 22
    except ValueError:
        raise ValueError("an SFTP address is sftp://USER@HOST[:PORT]/PATH") from None
    if url.scheme != "sftp" or not url.hostname or not url.username:
        raise ValueError("an SFTP address is sftp://USER@HOST[:PORT]/PATH")
    if url.password is not None or url.query or url.fragment:
        raise ValueError("an SFTP address holds no password, query or fragment; credentials are configured apart")
    path = unquote(url.path).rstrip("/")
    return unquote(url.username), url.hostname, port, path[3:] or "." if path.startswith("/~") else path


def _algorithms(agreed: asyncssh.SSHKey) -> list[str]:
    """Those of the agreed key first; then the others, so that a server without it shows what it has instead of hanging up."""
    return sorted(_HOST_KEYS, key=lambda name: name not in map(bytes.decode, agreed.sig_algorithms))


async def content(client: SFTPClient, path: str, count: int) -> bytes:
    """The first ``count`` bytes of a file, or fewer if it has no more."""
    async with client.open(path, "rb") as file:
        return await file.read(count)
