"""SFTP against an in-process server and, where it is installed, a real OpenSSH server: the law is the same for both."""

from __future__ import annotations

import asyncio
import getpass
import hashlib
import logging
import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

pytest.importorskip("asyncssh", reason="asyncssh is not installed (the extra sftp)")

# Whatever is imported from here on needs it.
import asyncssh

from suture.transports import Answer, Arrival, Collision, Drop, Http, NoReply, NotSent, Taken
from suture.transports.sftp import Session, SftpLink
from suture.transports.sftp_inbox import SftpInbox

NOW = datetime(2026, 3, 2, 23, 59, tzinfo=UTC)
SSHD = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
ACCEPTED, REFUSED, BUSY = Answer(outcome="accepted"), Answer(outcome="refused", body=b"TA1*no"), Answer(outcome="busy")
PAYMENT = Drop(name="pay.xml", body=b"<Document/>")

HOST_KEY, OTHER_KEY, CLIENT_KEY = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(3))


def public(key: Any) -> str:
    return str(key.export_public_key().decode())


def private(key: Any) -> str:
    return str(key.export_private_key().decode())


class Peer:
    """A running server, the folder behind it, and how to get in."""

    def __init__(self, folder: Path, port: int, path: str, user: str) -> None:
        self.folder, self.port = folder, port
        self.address = f"sftp://{user}@127.0.0.1:{port}{path}"

    def session(self, *, host_key: Any = HOST_KEY, client_key: Any = CLIENT_KEY, timeout_s: float = 5.0) -> Session:
        return Session(self.address, host_key=public(host_key), client_key=private(client_key), timeout_s=timeout_s)

    def tree(self) -> dict[str, bytes]:
        """Every file below the folder."""
        return {str(file.relative_to(self.folder)): file.read_bytes() for file in self.folder.rglob("*") if file.is_file()}


class Server(asyncssh.SSHServer):
    """Lets one key in, and can be switched off with all its connections."""

    def __init__(self, connections: list[Any]) -> None:
        self.connections = connections

    def connection_made(self, conn: Any) -> None:
        self.connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: Any) -> bool:
        return bool(username == "bankpeer" and key == CLIENT_KEY.convert_to_public())


@asynccontextmanager
async def in_process(folder: Path, files: type[Any] = asyncssh.SFTPServer, host_key: Any = HOST_KEY) -> AsyncIterator[Peer]:
    """A server in this event loop; ``files`` may misbehave."""
    connections: list[Any] = []
    server = await asyncssh.create_server(
        lambda: Server(connections),
        "127.0.0.1",
        0,
        server_host_keys=[host_key],
        sftp_factory=lambda channel: files(channel, chroot=str(folder)),
        allow_scp=False,
    )
    try:
        yield Peer(folder, server.sockets[0].getsockname()[1], "/", "bankpeer")
    finally:
        server.close()
        for connection in connections:
            connection.abort()
        await server.wait_closed()


@asynccontextmanager
async def openssh(folder: Path) -> AsyncIterator[Peer]:
    """A real sshd on a free port, for the user who runs the tests."""
    assert SSHD is not None
    etc = folder.parent / "etc"
    etc.mkdir()
    for name, text in {"host": private(HOST_KEY), "authorized": public(CLIENT_KEY)}.items():
        (etc / name).write_text(text)
        (etc / name).chmod(0o600)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (etc / "sshd.conf").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {etc}/host\nAuthorizedKeysFile {etc}/authorized\nStrictModes no\n"
        f"PasswordAuthentication no\nPidFile none\nPermitRootLogin prohibit-password\nUsePAM no\n"
        f"Subsystem sftp internal-sftp -d {folder}\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd insists on it when root starts it
    process = subprocess.Popen([SSHD, "-D", "-f", f"{etc}/sshd.conf", "-E", f"{etc}/log"])
    try:
        await asyncio.to_thread(_listening, port, process, etc / "log")
        yield Peer(folder, port, str(folder), getpass.getuser())
    finally:
        process.terminate()
        process.wait(5)


def _listening(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(100):
        if process.poll() is not None:
            pytest.fail(f"sshd ended: {log.read_text()}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("sshd does not listen")


Serve = Callable[[Path], Any]
Scenario = Callable[[Peer], Awaitable[None]]


@pytest.fixture(
    params=[
        pytest.param(in_process, id="in-process"),
        pytest.param(
            openssh, id="openssh", marks=pytest.mark.skipif(SSHD is None, reason="no sshd (apt-get install openssh-server)")
        ),
    ]
)
def against(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Scenario], None]:
    """Runs a scenario against each kind of server."""

    def run(scenario: Scenario) -> None:
        async def within() -> None:
            folder = tmp_path / "root"
            folder.mkdir()
            async with request.param(folder) as peer:
                await scenario(peer)

        asyncio.run(within())

    return run


def misbehaving(tmp_path: Path, files: type[Any], scenario: Scenario) -> None:
    """Runs a scenario against an in-process server with a flaw."""

    async def within() -> None:
        async with in_process(tmp_path, files) as peer:
            await scenario(peer)

    asyncio.run(within())


class Intake:
    """Answers as told (accepted, unless told otherwise) and remembers what it was handed."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self.answers = list(answers)
        self.arrivals: list[Arrival] = []

    async def __call__(self, arrival: Arrival) -> Answer:
        self.arrivals.append(arrival)
        answer = self.answers.pop(0) if self.answers else ACCEPTED
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def files(self) -> list[tuple[str, bytes]]:
        return [(arrival.name, arrival.raw) for arrival in self.arrivals]


def inbox(peer: Peer, pattern: str = "*", **options: Any) -> SftpInbox:
    given = {"whole": "rename", **options}
    return SftpInbox(peer.session(), pattern, instance="bank", channel="statements", clock=lambda: NOW, **given)


# The way out.


def test_a_file_is_left_whole_and_nothing_else(against: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer) -> None:
        link = SftpLink(peer.session())
        assert await link.perform(PAYMENT) == Taken()
        big = Drop(name="big.xml", body=os.urandom(3_000_000))
        assert await link.perform(big) == Taken()
        assert peer.tree() == {"pay.xml": PAYMENT.body, "big.xml": big.body}
        await link.close()

    against(scenario)


def test_the_same_file_again_is_a_success_and_other_bytes_collide(against: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer) -> None:
        link = SftpLink(peer.session())
        for _ in range(2):
            assert await link.perform(PAYMENT) == Taken()
        for body in (b"<Documents>", b"<Document/> "):
            with pytest.raises(Collision):
                await link.perform(Drop(name="pay.xml", body=body))
        assert peer.tree() == {"pay.xml": PAYMENT.body}
        await link.close()

    against(scenario)


def test_a_marker_follows_and_what_a_crash_left_is_written_over(against: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer) -> None:
        digest = hashlib.sha256(PAYMENT.body).hexdigest()[:16]
        (peer.folder / f".pay.xml.{digest}.part").write_bytes(b"<Docu" * 10)
        link = SftpLink(peer.session(), marker=True)
        await link.perform(PAYMENT)
        assert peer.tree() == {"pay.xml": PAYMENT.body, "pay.xml.done": b""}
        await link.close()

    against(scenario)


def test_many_at_once_over_one_connection(against: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer) -> None:
        link = SftpLink(peer.session(), concurrency=4)
        drops = [Drop(name=f"{number}.xml", body=b"%d" % number) for number in range(40)]
        assert set(await asyncio.gather(*map(link.perform, drops))) == {Taken()}
        assert peer.tree() == {drop.name: drop.body for drop in drops}
        await link.close()

    against(scenario)


def test_a_changed_host_key_is_refused_before_anything_is_sent(against: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer) -> None:
        with pytest.raises(NotSent) as caught:
            await SftpLink(peer.session(host_key=OTHER_KEY)).perform(PAYMENT)
        text = str(caught.value)
        assert HOST_KEY.get_fingerprint() in text
        assert f"not the agreed {OTHER_KEY.get_fingerprint()}" in text
        assert peer.tree() == {}

    against(scenario)


def test_a_host_key_of_another_kind_is_refused_too(against: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer) -> None:
        for kind in ("ecdsa-sha2-nistp256", "ssh-rsa"):
            with pytest.raises(NotSent, match="is not the agreed SHA256:"):
                await SftpLink(peer.session(host_key=asyncssh.generate_private_key(kind))).perform(PAYMENT)

    against(scenario)


def test_a_key_that_is_not_let_in_is_not_sent(against: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer) -> None:
        with pytest.raises(NotSent, match="does not let us in"):
            await SftpLink(peer.session(client_key=OTHER_KEY)).perform(PAYMENT)

    against(scenario)


def test_a_missing_folder_is_not_sent(against: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer) -> None:
        peer.address += "/nowhere"
        link = SftpLink(peer.session())
        with pytest.raises(NotSent, match="SFTPNoSuchFile"):
            await link.perform(PAYMENT)
        await link.close()

    against(scenario)


def test_a_server_that_went_away_is_not_sent_and_the_link_recovers(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with in_process(tmp_path) as peer:
            session = peer.session()
            link = SftpLink(session)
            await link.perform(PAYMENT)
        with pytest.raises(NotSent):
            await link.perform(Drop(name="b.xml", body=b"b"))
        async with in_process(tmp_path) as peer:
            session.port = peer.port
            assert await link.perform(Drop(name="b.xml", body=b"b")) == Taken()
            await link.close()

    asyncio.run(scenario())


def test_a_connection_refused_is_not_sent() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    session = Session(f"sftp://a@127.0.0.1:{port}/", host_key=public(HOST_KEY), client_key=private(CLIENT_KEY))
    with pytest.raises(NotSent, match="no connection"):
        asyncio.run(SftpLink(session).perform(PAYMENT))


def test_a_server_that_never_says_hello_is_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        session = Session(
            f"sftp://a@127.0.0.1:{silent.getsockname()[1]}/",
            host_key=public(HOST_KEY),
            client_key=private(CLIENT_KEY),
            timeout_s=0.3,
        )
        with pytest.raises(NotSent, match="in time"):
            asyncio.run(SftpLink(session).perform(PAYMENT))


def test_a_server_that_speaks_garbage_is_not_sent() -> None:
    async def scenario() -> None:
        async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 ftp.example ready\r\n" * 3)
            writer.close()

        server = await asyncio.start_server(garbage, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        session = Session(f"sftp://a@127.0.0.1:{port}/", host_key=public(HOST_KEY), client_key=private(CLIENT_KEY))
        with pytest.raises(NotSent):
            await SftpLink(session).perform(PAYMENT)
        server.close()

    asyncio.run(scenario())


class Forgetful(asyncssh.SFTPServer):
    """Keeps less than it was given."""

    def write(self, file_obj: Any, offset: int, data: bytes) -> int:
        super().write(file_obj, offset, data[:5])
        return len(data)


def test_a_server_that_keeps_less_is_found_out_before_the_rename(tmp_path: Path) -> None:
    async def scenario(peer: Peer) -> None:
        link = SftpLink(peer.session())
        with pytest.raises(NotSent, match="kept 5 of 11 bytes"):
            await link.perform(PAYMENT)
        assert "pay.xml" not in peer.tree()
        await link.close()

    misbehaving(tmp_path, Forgetful, scenario)


class RenamesAndDies(asyncssh.SFTPServer):
    """Performs the rename, then loses the connection."""

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        super().rename(oldpath, newpath)
        self.channel.get_connection().abort()


class DiesAtTheWrite(asyncssh.SFTPServer):
    """Loses the connection before the file has its name."""

    def write(self, file_obj: Any, offset: int, data: bytes) -> int:
        self.channel.get_connection().abort()
        return len(data)


class RenamesAndComplains(asyncssh.SFTPServer):
    """Performs the rename and says that it failed."""

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        super().rename(oldpath, newpath)
        raise asyncssh.SFTPFailure("something")


class RefusesToRename(asyncssh.SFTPServer):
    """Does not rename."""

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPPermissionDenied("no")


class HangsAtTheRename(asyncssh.SFTPServer):
    """Never answers the rename."""

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        await asyncio.sleep(60)


def test_a_connection_lost_at_the_rename_is_unknown_and_the_same_again_makes_it_known(tmp_path: Path) -> None:
    async def scenario(peer: Peer) -> None:
        link = SftpLink(peer.session())
        with pytest.raises(NoReply):
            await link.perform(PAYMENT)
        assert peer.tree() == {"pay.xml": PAYMENT.body}
        assert await link.perform(PAYMENT) == Taken()
        await link.close()

    misbehaving(tmp_path, RenamesAndDies, scenario)


def test_a_connection_lost_before_the_rename_is_not_sent(tmp_path: Path) -> None:
    async def scenario(peer: Peer) -> None:
        with pytest.raises(NotSent):
            await SftpLink(peer.session()).perform(PAYMENT)
        assert "pay.xml" not in peer.tree()

    misbehaving(tmp_path, DiesAtTheWrite, scenario)


def test_a_rename_that_is_called_a_failure_is_looked_at(tmp_path: Path) -> None:
    async def scenario(peer: Peer) -> None:
        link = SftpLink(peer.session())
        assert await link.perform(PAYMENT) == Taken()
        await link.close()

    misbehaving(tmp_path, RenamesAndComplains, scenario)


def test_a_rename_that_is_refused_is_not_sent(tmp_path: Path) -> None:
    async def scenario(peer: Peer) -> None:
        link = SftpLink(peer.session())
        with pytest.raises(NotSent, match="did not rename"):
            await link.perform(PAYMENT)
        await link.close()

    misbehaving(tmp_path, RefusesToRename, scenario)


def test_a_rename_without_an_answer_is_unknown(tmp_path: Path) -> None:
    async def scenario(peer: Peer) -> None:
        link = SftpLink(peer.session(), timeout_s=0.5)
        with pytest.raises(NoReply):
            await link.perform(PAYMENT)
        await link.close()

    misbehaving(tmp_path, HangsAtTheRename, scenario)


@pytest.mark.parametrize("name", ["../pay.xml", "/pay.xml", "a/b", "..", "", ".pay.xml", "a\nb", "x" * 201])
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    session = Session("sftp://a@127.0.0.1:1/", host_key=public(HOST_KEY), client_key=private(CLIENT_KEY))
    with pytest.raises(NotSent, match="plain name"):
        asyncio.run(SftpLink(session).perform(Drop(name=name, body=b"x")))


def test_a_request_does_not_go_over_sftp() -> None:
    session = Session("sftp://a@127.0.0.1:1/", host_key=public(HOST_KEY), client_key=private(CLIENT_KEY))
    with pytest.raises(TypeError, match="Http"):
        asyncio.run(SftpLink(session).perform(Http(method="GET", path="/")))


@pytest.mark.parametrize(
    "address",
    ["sftp://user:hunter2@host/", "ftp://user@host/hunter2", "sftp://host/hunter2", "hunter2", "sftp://u@h:port-hunter2/"],
)
def test_a_bad_address_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(ValueError, match="SFTP address") as caught:
        Session(address, host_key=public(HOST_KEY), client_key=private(CLIENT_KEY))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("sftp://bank@h/", ("bank", "h", 22, "")),
        ("sftp://bank@h:2022/in/coming/", ("bank", "h", 2022, "/in/coming")),
        ("sftp://bank@h/~/in", ("bank", "h", 22, "in")),
        ("sftp://bank@h/~", ("bank", "h", 22, ".")),
        ("sftp://b%40nk@h/a%20b", ("b@nk", "h", 22, "/a b")),
    ],
)
def test_the_parts_of_an_address(address: str, parts: tuple[str, str, int, str]) -> None:
    session = Session(address, host_key=public(HOST_KEY), client_key=private(CLIENT_KEY))
    assert (session.user, session.host, session.port, session.path) == parts


def test_bad_keys_are_refused_without_repeating_them() -> None:
    for host_key, client_key in (("", private(CLIENT_KEY)), (public(HOST_KEY), "hunter2")):
        with pytest.raises(ValueError, match="private key") as caught:
            Session("sftp://a@h/", host_key=host_key, client_key=client_key)
        assert "hunter2" not in str(caught.value)


# The way in.


def test_whole_files_are_handed_over_and_filed(against: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer) -> None:
        (peer.folder / "folder.xml").mkdir()
        for age, name in enumerate(["c.xml", "a.xml", "b.xml", "readme.txt", ".hidden.xml", "d.xml.part"]):
            (peer.folder / name).write_bytes(name.encode())
            os.utime(peer.folder / name, (1000 - age, 1000 - age))
        box, intake = inbox(peer, "*.xml"), Intake(ACCEPTED, REFUSED)
        assert await box.poll_once(intake) == 3
        assert intake.files == [(name, name.encode()) for name in ("b.xml", "a.xml", "c.xml")]
        assert {name: body for name, body in peer.tree().items() if "hidden" not in name} == {
            "readme.txt": b"readme.txt",
            "d.xml.part": b"d.xml.part",
            ".archive/2026-03-02/b.xml": b"b.xml",
            ".archive/2026-03-02/c.xml": b"c.xml",
            ".refused/a.xml": b"a.xml",
            ".refused/a.xml.findings": b"TA1*no",
        }
        assert list((peer.folder / ".taken").iterdir()) == []
        assert await box.poll_once(intake) == 0
        await box.close()

    against(scenario)


def test_the_same_name_again_is_told_and_overwrites_nothing(against: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer) -> None:
        box, intake = inbox(peer), Intake()
        for body in (b"one", b"two"):
            (peer.folder / "a.txt").write_bytes(body)
            assert await box.poll_once(intake) == 1
        assert intake.files == [("a.txt", b"one"), ("a.txt", b"two")]
        assert sorted(peer.tree().values()) == [b"one", b"two"]
        await box.close()

    against(scenario)


def test_busy_and_failing_intakes_get_the_file_again(
    against: Callable[[Scenario], None], caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(peer: Peer) -> None:
        (peer.folder / "a.txt").write_bytes(b"a")
        box, intake = inbox(peer), Intake(BUSY, RuntimeError("journal is away"))
        assert [await box.poll_once(intake) for _ in range(4)] == [0, 0, 1, 0]
        assert intake.files == [("a.txt", b"a")] * 3
        await box.close()

    with caplog.at_level(logging.ERROR):
        against(scenario)
    assert "intake failed for bank/statements" in caplog.text


def test_a_crash_between_claim_and_commit_is_made_good_at_the_next_start(against: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer) -> None:
        (peer.folder / "a.txt").write_bytes(b"a")
        (peer.folder / "b.txt").write_bytes(b"b")
        crashed = inbox(peer)

        async def crash(arrival: Arrival) -> Answer:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            await crashed.poll_once(crash)
        assert not (peer.folder / "a.txt").exists()
        await crashed.close()
        box, intake = inbox(peer), Intake()
        assert await box.poll_once(intake) == 2
        assert sorted(intake.files) == [("a.txt", b"a"), ("b.txt", b"b")]
        await box.close()

    against(scenario)


def test_a_marked_claim_that_broke_off_half_way_is_completed(against: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer) -> None:
        (peer.folder / ".taken/token").mkdir(parents=True)
        (peer.folder / ".taken/token/a.txt.done").touch()
        (peer.folder / ".taken/empty").mkdir()
        for name in ("a.txt", "b.txt", "b.txt.done", "c.txt"):
            (peer.folder / name).write_bytes(name.encode())
        box, intake = inbox(peer, whole="marker"), Intake()
        assert await box.poll_once(intake) == 2
        assert sorted(name for name, _ in intake.files) == ["a.txt", "b.txt"]
        assert set(peer.tree()) == {"c.txt", ".archive/2026-03-02/a.txt", ".archive/2026-03-02/b.txt"}
        assert list((peer.folder / ".taken").iterdir()) == []
        await box.close()

    against(scenario)


def test_problems_are_told_and_links_never_followed(against: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer) -> None:
        (peer.folder.parent / "secret").write_bytes(b"root:x:0:0")
        (peer.folder / "link.txt").symlink_to(peer.folder.parent / "secret")
        (peer.folder / "empty.txt").touch()
        (peer.folder / "large.txt").write_bytes(b"x" * 200_000)
        (peer.folder / "a\nb.txt").write_bytes(b"x")
        with open(os.fsencode(peer.folder) + b"/\xff.txt", "wb") as file:
            file.write(b"x")
        box, intake = inbox(peer, limit=100_000), Intake(*[REFUSED] * 5)
        assert await box.poll_once(intake) == 5
        problems = {arrival.name: (arrival.problem, len(arrival.raw)) for arrival in intake.arrivals}
        assert problems == {
            "link.txt": ("the file is a link or no file at all", 0),
            "empty.txt": ("the file is empty", 0),
            "large.txt": ("too large: the file has more than 100000 bytes", 65536),
            "a_b.txt": ("the file's name holds control characters or is longer than 200 bytes", 1),
            "_.txt": ("the file's name holds control characters or is longer than 200 bytes", 1),
        }
        assert (peer.folder / ".refused/link.txt").is_symlink()
        await box.close()

    against(scenario)


def test_a_file_that_another_worker_filed_is_let_go(against: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer) -> None:
        (peer.folder / "a.txt").write_bytes(b"a")
        first, second = inbox(peer), inbox(peer)
        assert await first.poll_once(Intake(BUSY)) == 0
        assert await second.poll_once(Intake()) == 1
        late = Intake()
        assert [await first.poll_once(late) for _ in range(2)] == [0, 0]
        assert late.arrivals == []
        assert set(peer.tree()) == {".archive/2026-03-02/a.txt"}
        await first.close()
        await second.close()

    against(scenario)


def test_a_file_still_being_written_is_left_alone(against: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer) -> None:
        box, intake = inbox(peer, whole="stable", looks=2, quiet_s=0.0), Intake()
        for text in (b"half", b"half and more"):
            (peer.folder / "a.txt").write_bytes(text)
            assert await box.poll_once(intake) == 0
        assert await box.poll_once(intake) == 1
        assert intake.files == [("a.txt", b"half and more")]
        await box.close()

    against(scenario)


class DiesAtTheRead(asyncssh.SFTPServer):
    """Loses the first connection while a file is read."""

    died = False

    def read(self, file_obj: Any, offset: int, size: int) -> Any:
        if not DiesAtTheRead.died:
            DiesAtTheRead.died = True
            self.channel.get_connection().abort()
        return super().read(file_obj, offset, size)


def test_a_connection_lost_in_the_middle_loses_no_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(peer: Peer) -> None:
        for name in ("a.txt", "b.txt"):
            (peer.folder / name).write_bytes(name.encode())
        box, intake = inbox(peer), Intake()
        with caplog.at_level(logging.CRITICAL):
            assert await box.poll_once(intake) + await box.poll_once(intake) == 2
        assert sorted(intake.files) == [("a.txt", b"a.txt"), ("b.txt", b"b.txt")]
        await box.close()

    misbehaving(tmp_path, DiesAtTheRead, scenario)


class DiesAtTheFiling(asyncssh.SFTPServer):
    """Loses the first connection when a file is filed away."""

    died = False

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        super().rename(oldpath, newpath)
        if b".archive" in newpath and not DiesAtTheFiling.died:
            DiesAtTheFiling.died = True
            self.channel.get_connection().abort()


def test_a_connection_lost_at_the_filing_is_no_reason_to_stop_for_ever(tmp_path: Path) -> None:
    async def scenario(peer: Peer) -> None:
        for name in ("a.txt", "b.txt"):
            (peer.folder / name).write_bytes(name.encode())
        box, intake = inbox(peer), Intake()
        with pytest.raises(NoReply):
            await box.poll_once(intake)
        assert await box.poll_once(intake) == 1
        assert sorted(intake.files) == [("a.txt", b"a.txt"), ("b.txt", b"b.txt")]
        assert len(peer.tree()) == 2
        await box.close()

    misbehaving(tmp_path, DiesAtTheFiling, scenario)


class Treacherous(asyncssh.SFTPServer):
    """Lists names that lead elsewhere, and notes what is asked of it."""

    renamed: ClassVar[list[bytes]] = []

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        self.renamed.append(oldpath)
        super().rename(oldpath, newpath)

    async def scandir(self, path: bytes) -> AsyncIterator[Any]:
        async for entry in super().scandir(path):
            yield entry
        attributes = asyncssh.SFTPAttrs(size=1, permissions=0o100644, mtime=1)
        yield asyncssh.SFTPName(b"/etc/passwd", attrs=attributes)


def test_names_that_lead_elsewhere_are_not_asked_for(tmp_path: Path) -> None:
    async def scenario(peer: Peer) -> None:
        (peer.folder / "a.txt").write_bytes(b"a")
        box, intake = inbox(peer), Intake()
        assert await box.poll_once(intake) == 1
        assert intake.files == [("a.txt", b"a")]
        assert len(Treacherous.renamed) == 2
        assert not any(b"etc" in name for name in Treacherous.renamed)
        await box.close()

    misbehaving(tmp_path, Treacherous, scenario)


def test_without_a_server_the_poll_says_so() -> None:
    session = Session("sftp://a@127.0.0.1:1/", host_key=public(HOST_KEY), client_key=private(CLIENT_KEY))
    box = SftpInbox(session, instance="bank", channel="statements", clock=lambda: NOW)
    with pytest.raises(NotSent):
        asyncio.run(box.poll_once(Intake()))
