"""A folder that partners and we exchange whole files through."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import logging
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from suture.formats import LARGEST_MESSAGE
from suture.transports.exchange import BEGINNING, Accept, Answer, Arrival, Collision, Drop, NoReply, NotSent, Request, Taken
from suture.transports.permit import last_look
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
    is_plain,
    problem_of,
    shown,
    sidecar,
)

_log = logging.getLogger(__name__)

#: Files that are offered together.
AT_ONCE = 32
#: File systems without hard links (FAT, some network shares) say one of these.
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS)


class FolderInbox:
    """Picks up the whole files of a folder that match ``pattern``.

    A file is claimed by moving it to .taken/, read, handed to intake, and filed under .archive/DAY or, with a sidecar that
    says why, .refused/. A file that was claimed and not concluded is claimed again, at once after "busy" or at the next
    start: at least once, never zero times. A name that comes again and content that comes again are arrivals like any other; what
    they mean is for intake to say. Empty, oversized and badly named files and links are arrivals with a ``problem``.
    """

    def __init__(
        self,
        path: str | Path,
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
    ) -> None:
        self._path = Path(path)
        self._instance, self._channel = instance, channel
        self._clock = clock
        self._whole = whole
        self._watch = Watch(pattern, whole, clock, looks, quiet_s)
        self._limit, self._at_most = limit, at_most
        self._waiting: list[Claim] = []
        self._recovered = False

    def recover(self) -> None:
        """Somebody else looked here until now: what they had claimed and not concluded is claimed again."""
        self._recovered = False

    async def poll_once(self, accept: Accept) -> int:
        """One look at the folder: how many files were handed over and filed. Raises OSError if the folder fails us."""
        claims = await asyncio.to_thread(self.claim)
        done = 0
        try:
            while claims:
                # together, and in order: so that intake can commit them together
                offers = [self._offer(arrival, accept) for arrival in await asyncio.to_thread(self._read_some, claims)]
                done += await asyncio.to_thread(self._conclude_some, claims, await asyncio.gather(*offers))
        finally:
            # Whatever stopped us (a shutdown, a full disk), the rest is not forgotten.
            self._waiting.extend(claims)
        return done

    def claim(self) -> list[Claim]:
        """Set aside what is whole, and take up again what was left over: at most ``at_most``, oldest first.

        Every claim must be concluded. Raises OSError if the folder cannot be read or written.
        """
        for name in (TAKEN, ARCHIVE, REFUSED):
            _own_folder(self._path / name)
        if not self._recovered:
            self._waiting = [claim for token in _names(self._path / TAKEN) if (claim := self._left_over(token)) is not None]
            self._recovered = True
        there = [claim for claim in self._waiting if os.path.lexists(self._path / claim.place)]
        claims, self._waiting = there[: self._at_most], there[self._at_most :]
        names = self._watch.look(_listing(self._path))[: self._at_most - len(claims)]
        return claims + [claim for name in names if (claim := self._take(name)) is not None]

    def read(self, claim: Claim) -> Arrival:
        """The bytes of a claimed file; of one that is too large, the beginning and the problem. Raises OSError."""
        place = self._path / claim.place
        problem, raw = "the file is a link or no file at all", b""
        if stat.S_ISREG(place.lstat().st_mode):
            with _regular(place) as (file, size):
                problem = problem_of(claim.name, size, self._limit)
                raw = _bytes(file, BEGINNING if size > self._limit else size)
        return Arrival(instance=self._instance, channel=self._channel, raw=raw, name=shown(claim.name), problem=problem)

    def conclude(self, claim: Claim, answer: Answer) -> None:
        """File away a claimed file as intake answered; after "busy" it is claimed again. Raises OSError."""
        if answer.outcome == "busy":
            self._waiting.append(claim)
            return
        folder = self._path / folder_for(answer, self._clock())
        folder.mkdir(mode=0o700, exist_ok=True)
        target = _reserve(folder, shown(claim.name), claim.token)
        try:
            os.replace(self._path / claim.place, target)
        except FileNotFoundError:
            target.unlink()  # another worker took it over and filed it
            return
        if answer.outcome == "refused":
            target.with_name(target.name + FINDINGS).write_bytes(sidecar(answer, target.name))
        self._forget(claim.token)

    def _conclude_some(self, claims: list[Claim], answers: Sequence[Answer]) -> int:
        for answer in answers:
            self.conclude(claims[0], answer)
            claims.pop(0)
        return sum(answer.outcome != "busy" for answer in answers)

    def _read_some(self, claims: Sequence[Claim]) -> list[Arrival | None]:
        """The first claimed files, as many as may be held in memory together; None for one that cannot be read."""
        arrivals: list[Arrival | None] = []
        held = 0
        for claim in claims[:AT_ONCE]:
            try:
                arrivals.append(self.read(claim))
            except OSError:
                _log.exception("file not read for %s/%s", self._instance, self._channel)
                arrivals.append(None)
            held += len(arrivals[-1].raw) if arrivals[-1] else 0
            if held > self._limit:
                break
        return arrivals

    async def _offer(self, arrival: Arrival | None, accept: Accept) -> Answer:
        """Intake's answer; a file that cannot be read or answered for stays, and does not hold back the others."""
        if arrival is None:
            return Answer(outcome="busy")
        try:
            return await accept(arrival)
        except Exception:
            _log.exception("intake failed for %s/%s", self._instance, self._channel)
            return Answer(outcome="busy")

    def _take(self, name: str) -> Claim | None:
        """Move a file (and before it, its marker) into a folder of its own; None if it cannot be had."""
        token = Path(tempfile.mkdtemp(prefix="", dir=self._path / TAKEN)).name
        claim = Claim(token=token, name=name)
        try:
            if self._whole == "marker":
                os.rename(self._path / (name + MARKER), self._path / (claim.place + MARKER))
            os.rename(self._path / name, self._path / claim.place)
        except OSError as failure:
            # Another worker was faster, or the partner's file may not be moved.
            _log.info("file not taken for %s/%s: %s", self._instance, self._channel, failure.strerror)
            self._give_back(claim)
            return None
        return claim

    def _give_back(self, claim: Claim) -> None:
        with contextlib.suppress(OSError):
            if os.path.lexists(self._path / claim.name):
                os.rename(self._path / (claim.place + MARKER), self._path / (claim.name + MARKER))
        self._forget(claim.token)

    def _left_over(self, token: str) -> Claim | None:
        """The claim that was not concluded; a marker without its file is a claim broken off half way and is completed."""
        names = _names(self._path / TAKEN / token)
        files = [name for name in names if not (self._whole == "marker" and name.endswith(MARKER))]
        if files:
            return Claim(token=token, name=files[0])
        for marker in names:
            claim = Claim(token=token, name=marker.removesuffix(MARKER))
            with contextlib.suppress(FileNotFoundError):
                os.rename(self._path / claim.name, self._path / claim.place)
                return claim
        self._forget(token)
        return None

    def _forget(self, token: str) -> None:
        folder = self._path / TAKEN / token
        with contextlib.suppress(OSError):
            for name in _names(folder):
                os.unlink(folder / name)
            os.rmdir(folder)


class FolderLink:
    """A Link that leaves files in a folder, whole or not at all; with ``marker``, followed by an empty NAME.done.

    The same name with the same bytes again is a success and changes nothing; with other bytes it is a Collision. A file that
    the peer has already taken away is written anew: whether it was taken is for the operation's outcome class to find out.
    """

    def __init__(self, path: str | Path, *, marker: bool = False, timeout_s: float = 10.0) -> None:
        self._path = Path(path)
        self._marker = marker
        self._timeout_s = timeout_s

    async def perform(self, request: Request) -> Taken:
        """An empty Taken once the file is durably there; raises NotSent, Collision or NoReply, and TypeError for no Drop."""
        if not isinstance(request, Drop):
            raise TypeError(f"a folder carries Drop requests, not {type(request).__name__}")
        try:
            async with asyncio.timeout(self._timeout_s):
                return await asyncio.to_thread(self.drop, request)
        except TimeoutError:
            raise NoReply("the folder did not answer in time") from None

    async def close(self) -> None:
        """Nothing is kept open."""

    def drop(self, request: Drop) -> Taken:
        """What ``perform`` does, without an event loop or a time limit."""
        if not is_plain(request.name):
            raise NotSent("the file's name is not a plain name of at most 200 bytes")
        target = self._path / request.name
        try:
            if not _holds(target, request.body):
                self._write(target, request.body)
        except OSError as failure:
            raise NotSent(f"the folder did not take the file: {failure.strerror}") from None
        self._settle(target)
        return Taken()

    def _write(self, target: Path, body: bytes) -> None:
        # The temporary name tells its content: two writers of one name can only meet over the same bytes, and what a crash
        # left behind is the beginning of those bytes, written over.
        temporary = target.with_name(f".{target.name}.{hashlib.sha256(body).hexdigest()[:16]}.part")
        try:
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o640)
            with os.fdopen(handle, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(handle)
            last_look()
            _publish(temporary, target, body)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(temporary)

    def _settle(self, target: Path) -> None:
        """Make the name as durable as the bytes; what fails from here on leaves a file that the peer may have seen."""
        try:
            if self._marker:
                target.with_name(target.name + MARKER).touch(mode=0o640)
            handle = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as failure:
            raise NoReply(f"the file is there, perhaps not for good: {failure.strerror}") from None


def _publish(temporary: Path, target: Path, body: bytes) -> None:
    """Give the file its name without ever replacing another; raises Collision."""
    try:
        os.link(temporary, target)
    except (FileExistsError, FileNotFoundError):
        # Somebody was faster: with other bytes (Collision), or a twin of ours, who has put away the temporary file.
        if not _holds(target, body):
            raise
    except OSError as failure:
        if failure.errno not in _NO_LINKS or _holds(target, body):
            raise
        os.rename(temporary, target)


def _holds(target: Path, body: bytes) -> bool:
    """Whether the file is there with these bytes; raises Collision if it is there with others."""
    try:
        with _regular(target) as (file, size):
            same = size == len(body) and _bytes(file, size) == body
    except FileNotFoundError:
        return False
    if not same:
        raise Collision("the folder holds other bytes under this name")
    return True


@contextlib.contextmanager
def _regular(path: Path) -> Iterator[tuple[int, int]]:
    """A regular file, opened for reading, and its size; links are not followed and pipes not waited for. Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        yield handle, status.st_size
    finally:
        os.close(handle)


def _bytes(handle: int, count: int) -> bytes:
    with os.fdopen(handle, "rb", closefd=False) as file:
        return file.read(count)


def _listing(path: Path) -> Iterator[Entry]:
    """Everything in the folder but folders; links are listed as themselves."""
    with os.scandir(path) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                if not stat.S_ISDIR(status.st_mode):
                    yield Entry(entry.name, status.st_size, status.st_mtime_ns)


def _own_folder(path: Path) -> None:
    """Make it if it is missing; a link in its place would carry our files away and is refused with OSError."""
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    if not stat.S_ISDIR(path.lstat().st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "must be a folder of ours, not a link or a file", path.name)


def _names(path: Path) -> list[str]:
    return sorted(os.listdir(path)) if path.is_dir() else []


def _reserve(folder: Path, name: str, token: str) -> Path:
    """A free name in the folder, held by an empty file: the partner's own, or with the token if that is taken."""
    target = folder / name
    try:
        target.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        target = folder / f"{name}~{token}"
        target.touch(mode=0o600)
    return target
