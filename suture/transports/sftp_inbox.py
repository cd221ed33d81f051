"""A folder on a partner's SFTP server that whole files are picked up from; needs the extra ``sftp``."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from datetime import datetime

import asyncssh
from asyncssh import SFTPClient, SFTPError

from suture.formats import LARGEST_MESSAGE
from suture.transports.exchange import BEGINNING, Accept, Answer, Arrival, NoReply
from suture.transports.pickup import (
    ARCHIVE,
    FINDINGS,
    MARKER,
    REFUSED,
    TAKEN,
    Claim,
    Entry,
    Watch,
    Whole,
    folder_for,
    problem_of,
    shown,
    sidecar,
)
from suture.transports.sftp import FAILURES, GONE, LOST, Session, content

_log = logging.getLogger(__name__)

#: Servers that tell no type are taken at their word that a name is a file.
_FILES = (asyncssh.FILEXFER_TYPE_REGULAR, asyncssh.FILEXFER_TYPE_UNKNOWN)
_LONGEST_LISTING = 100_000


class SftpInbox:
    """Picks up the whole files of a folder on an SFTP server; see ``folder.FolderInbox``, whose law and folders it shares."""

    def __init__(
        self,
        session: Session,
        pattern: str = "*",
        *,
        instance: str,
        channel: str,
        clock: Callable[[], datetime],
        whole: Whole = "stable",
        looks: int = 3,
        quiet_s: float = 2.0,
        limit: int = LARGEST_MESSAGE,
        at_most: int = 100,
        timeout_s: float = 60.0,
    ) -> None:
        self._session = session
        self._instance, self._channel = instance, channel
        self._clock = clock
        self._whole = whole
        self._watch = Watch(pattern, whole, clock, looks, quiet_s)
        self._limit, self._at_most, self._timeout_s = limit, at_most, timeout_s
        self._waiting: list[Claim] = []
        self._recovered = False

    def recover(self) -> None:
        """Somebody else looked here until now: what they had claimed and not concluded is claimed again."""
        self._recovered = False

    async def poll_once(self, accept: Accept) -> int:
        """One look at the server: how many files were handed over and filed.

        Raises NotSent if there is no connection, NoReply if it failed in the middle; nothing is lost in either case.
        """
        claims: list[Claim] = []
        done = 0
        try:
            async with self._limited() as client:
                claims = await self._claim(client)
            while claims:
                answer = await self._offer(claims[0], accept)
                if answer is not None:
                    await self._conclude(claims[0], answer)
                    done += answer.outcome != "busy"
                claims.pop(0)
        finally:
            self._waiting.extend(claims)
        return done

    async def close(self) -> None:
        """End the connection."""
        await self._session.close()

    @contextlib.asynccontextmanager
    async def _limited(self) -> AsyncIterator[SFTPClient]:
        """A stretch of the conversation, limited in time; a failure is NoReply and mostly ends the connection."""
        client = await self._session.client()
        try:
            async with asyncio.timeout(self._timeout_s):
                yield client
        except FAILURES as failure:
            if not isinstance(failure, SFTPError) or isinstance(failure, LOST):
                self._session.drop()
            raise NoReply(f"the pick-up broke off ({type(failure).__name__})") from None

    async def _claim(self, client: SFTPClient) -> list[Claim]:
        if not self._recovered:
            await self._recover(client)
        claims, self._waiting = self._waiting[: self._at_most], self._waiting[self._at_most :]
        try:
            listing = [entry async for entry in _listing(client, self._session.path)]
            for name in self._watch.look(listing)[: self._at_most - len(claims)]:
                claim = await self._take(client, name)
                claims += [claim] if claim else []
        except BaseException:
            self._waiting.extend(claims)
            raise
        return claims

    async def _recover(self, client: SFTPClient) -> None:
        """Make our folders, and find what an earlier run did not conclude."""
        for folder in (TAKEN, ARCHIVE, REFUSED):
            await client.makedirs(self._at(folder), exist_ok=True)
        found = [await self._left_over(client, token) for token in await _names(client, self._at(TAKEN))]
        self._waiting = [claim for claim in found if claim is not None]
        self._recovered = True

    async def _left_over(self, client: SFTPClient, token: str) -> Claim | None:
        names = await _names(client, self._at(f"{TAKEN}/{token}"))
        files = [name for name in names if not (self._whole == "marker" and name.endswith(MARKER))]
        if files:
            return Claim(token=token, name=files[0])
        for marker in names:
            claim = Claim(token=token, name=marker.removesuffix(MARKER))
            with contextlib.suppress(*GONE):
                await client.rename(self._at(claim.name), self._at(claim.place))
                return claim
        await self._forget(client, token)
        return None

    async def _take(self, client: SFTPClient, name: str) -> Claim | None:
        """Move a file (and before it, its marker) into a folder of its own; None if it cannot be had."""
        claim = Claim(token=secrets.token_hex(6), name=name)
        await client.mkdir(self._at(f"{TAKEN}/{claim.token}"))
        try:
            if self._whole == "marker":
                await client.rename(self._at(name + MARKER), self._at(claim.place + MARKER))
            await client.rename(self._at(name), self._at(claim.place))
        except LOST:
            raise
        except SFTPError as failure:
            _log.info("file not taken for %s/%s: %s", self._instance, self._channel, type(failure).__name__)
            await self._give_back(client, claim)
            return None
        return claim

    async def _give_back(self, client: SFTPClient, claim: Claim) -> None:
        with contextlib.suppress(SFTPError):
            if await client.exists(self._at(claim.name)):
                await client.rename(self._at(claim.place + MARKER), self._at(claim.name + MARKER))
        await self._forget(client, claim.token)

    async def _offer(self, claim: Claim, accept: Accept) -> Answer | None:
        """Intake's answer, or None if the file is gone.

        A file that cannot be read or answered for stays and does not hold back the others.
        """
        try:
            async with self._limited() as client:
                arrival = await self._read(client, claim)
            return await accept(arrival) if arrival is not None else None
        except Exception:
            _log.exception("intake failed for %s/%s", self._instance, self._channel)
            return Answer(outcome="busy")

    async def _read(self, client: SFTPClient, claim: Claim) -> Arrival | None:
        place = self._at(claim.place)
        try:
            status = await client.lstat(place)
        except GONE:
            return None  # another worker took it over and filed it
        problem, raw = "the file is a link or no file at all", b""
        if status.type in _FILES:
            size = status.size or 0
            problem = problem_of(claim.name, size, self._limit)
            wanted = BEGINNING if size > self._limit else size
            raw = await content(client, place, wanted)
            if len(raw) != wanted:
                raise NoReply(f"only {len(raw)} of {wanted} bytes came")
        return Arrival(instance=self._instance, channel=self._channel, raw=raw, name=shown(claim.name), problem=problem)

    async def _conclude(self, claim: Claim, answer: Answer) -> None:
        if answer.outcome == "busy":
            self._waiting.append(claim)
            return
        async with self._limited() as client:
            folder = self._at(folder_for(answer, self._clock()))
            await client.makedirs(folder, exist_ok=True)
            with contextlib.suppress(*GONE):  # another worker took it over and filed it
                await self._file(client, claim, folder, answer)
            await self._forget(client, claim.token)

    async def _file(self, client: SFTPClient, claim: Claim, folder: str, answer: Answer) -> None:
        name = shown(claim.name)
        if await client.exists(f"{folder}/{name}"):
            name = f"{name}~{claim.token}"
        await client.rename(self._at(claim.place), f"{folder}/{name}")
        if answer.outcome == "refused":
            async with client.open(f"{folder}/{name}{FINDINGS}", "wb") as file:
                await file.write(sidecar(answer, name))

    async def _forget(self, client: SFTPClient, token: str) -> None:
        folder = self._at(f"{TAKEN}/{token}")
        with contextlib.suppress(*GONE, asyncssh.SFTPFailure):
            for name in await _names(client, folder):
                await client.remove(f"{folder}/{name}")
            await client.rmdir(folder)

    def _at(self, name: str) -> str:
        return f"{self._session.path}/{name}"


async def _listing(client: SFTPClient, path: str) -> AsyncIterator[Entry]:
    """Everything in the folder but folders; names that lead elsewhere are a server's trick and left out."""
    seen = 0
    async for entry in client.scandir(path or "/"):
        name = str(entry.filename)
        seen += 1
        if "/" not in name and entry.attrs.type != asyncssh.FILEXFER_TYPE_DIRECTORY:
            yield Entry(name, entry.attrs.size or 0, entry.attrs.mtime or 0)
        if seen == _LONGEST_LISTING:
            _log.warning("the folder lists more than %d names; the rest is left for later", _LONGEST_LISTING)
            return


async def _names(client: SFTPClient, path: str) -> list[str]:
    """The names in a folder of ours, without "." and ".."; a server may list nothing else."""
    return sorted(name for name in await client.listdir(path) if name not in (".", "..") and "/" not in name)
