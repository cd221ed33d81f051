"""Folders: whole files only, never twice at once, never lost, and no way out of the folder."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import logging
import os
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from suture.transports import Answer, Arrival, Collision, Drop, Http, NoReply, NotSent, Taken
from suture.transports.folder import FolderInbox, FolderLink

NOW = datetime(2026, 3, 2, 23, 59, tzinfo=UTC)
ACCEPTED, REFUSED, BUSY = Answer(outcome="accepted"), Answer(outcome="refused", body=b"TA1*no"), Answer(outcome="busy")


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


def inbox(path: Path, pattern: str = "*", **options: Any) -> FolderInbox:
    given = {"whole": "rename", **options}
    return FolderInbox(path, pattern, instance="bank", channel="statements", clock=lambda: NOW, **given)


def poll(box: FolderInbox, intake: Intake) -> int:
    return asyncio.run(box.poll_once(intake))


def tree(path: Path) -> dict[str, bytes]:
    """Every file below the folder."""
    return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


# The way in.


def test_a_whole_file_is_handed_over_and_filed(tmp_path: Path) -> None:
    (tmp_path / "statement.txt").write_bytes(b"balance")
    intake = Intake()
    assert poll(inbox(tmp_path), intake) == 1
    assert intake.arrivals == [Arrival(instance="bank", channel="statements", raw=b"balance", name="statement.txt")]
    assert tree(tmp_path) == {".archive/2026-03-02/statement.txt": b"balance"}
    assert list((tmp_path / ".taken").iterdir()) == []
    assert poll(inbox(tmp_path), intake) == 0


def test_files_come_oldest_first_and_only_those_of_the_pattern(tmp_path: Path) -> None:
    for age, name in enumerate(["c.xml", "a.xml", "b.xml", "readme.txt"]):
        (tmp_path / name).write_bytes(name.encode())
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    (tmp_path / "folder.xml").mkdir()
    intake = Intake()
    assert poll(inbox(tmp_path, "*.xml"), intake) == 3
    assert [name for name, _ in intake.files] == ["b.xml", "a.xml", "c.xml"]
    assert (tmp_path / "readme.txt").exists()


def test_a_look_takes_no_more_than_agreed(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.txt").write_bytes(b"x")
    box, intake = inbox(tmp_path, at_most=2), Intake()
    assert [poll(box, intake) for _ in range(4)] == [2, 2, 1, 0]


def test_a_file_still_being_written_is_left_alone(tmp_path: Path) -> None:
    box, intake = inbox(tmp_path, whole="stable", looks=2, quiet_s=0.0), Intake()
    for text in (b"half", b"half and more"):
        (tmp_path / "a.txt").write_bytes(text)
        assert poll(box, intake) == 0
    assert poll(box, intake) == 1
    assert intake.files == [("a.txt", b"half and more")]


def test_a_file_with_a_marker_is_taken_and_the_marker_with_it(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a")
    (tmp_path / "b.txt").write_bytes(b"b")
    (tmp_path / "b.txt.done").touch()
    box, intake = inbox(tmp_path, whole="marker"), Intake()
    assert poll(box, intake) == 1
    assert intake.files == [("b.txt", b"b")]
    assert tree(tmp_path) == {"a.txt": b"a", ".archive/2026-03-02/b.txt": b"b"}


def test_a_refused_file_lies_beside_the_reason(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"nonsense")
    poll(inbox(tmp_path), Intake(REFUSED))
    assert tree(tmp_path) == {".refused/a.txt": b"nonsense", ".refused/a.txt.findings": b"TA1*no"}


def test_the_same_name_and_the_same_content_are_both_told_and_nothing_is_overwritten(tmp_path: Path) -> None:
    box, intake = inbox(tmp_path), Intake()
    for name, body in [("a.txt", b"one"), ("a.txt", b"two"), ("b.txt", b"one")]:
        (tmp_path / name).write_bytes(body)
        assert poll(box, intake) == 1
    assert intake.files == [("a.txt", b"one"), ("a.txt", b"two"), ("b.txt", b"one")]
    archive = tree(tmp_path / ".archive/2026-03-02")
    assert sorted(archive.values()) == [b"one", b"one", b"two"]
    assert sum(name.startswith("a.txt") for name in archive) == 2


def test_the_plain_functions_do_what_the_poll_does(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a")
    box = inbox(tmp_path)
    [claim] = box.claim()
    assert box.claim() == []
    assert box.read(claim).raw == b"a"
    box.conclude(claim, ACCEPTED)
    assert tree(tmp_path) == {".archive/2026-03-02/a.txt": b"a"}


# Never lost.


def test_after_busy_the_file_is_offered_again(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a")
    box, intake = inbox(tmp_path), Intake(BUSY, BUSY)
    assert [poll(box, intake) for _ in range(4)] == [0, 0, 1, 0]
    assert intake.files == [("a.txt", b"a")] * 3


def test_a_file_that_intake_fails_on_stays_and_does_not_hold_back_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_bytes(name.encode())
        os.utime(tmp_path / name, (1000, 1000))
    box, intake = inbox(tmp_path), Intake(RuntimeError("journal is away"))
    with caplog.at_level(logging.ERROR):
        assert poll(box, intake) == 1
    assert "intake failed for bank/statements" in caplog.text
    assert poll(box, intake) == 1
    assert [name for name, _ in intake.files] == ["a.txt", "b.txt", "a.txt"]


def test_a_crash_between_claim_and_commit_is_made_good_at_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a")
    inbox(tmp_path).claim()
    assert not (tmp_path / "a.txt").exists()
    intake = Intake()
    assert poll(inbox(tmp_path), intake) == 1
    assert intake.files == [("a.txt", b"a")]
    assert tree(tmp_path) == {".archive/2026-03-02/a.txt": b"a"}


def test_a_crash_between_commit_and_filing_repeats_the_arrival(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a")
    box = inbox(tmp_path)
    box.read(box.claim()[0])
    intake = Intake(Answer(outcome="accepted", repeated=True))
    assert poll(inbox(tmp_path), intake) == 1
    assert tree(tmp_path) == {".archive/2026-03-02/a.txt": b"a"}


def test_a_crash_in_the_middle_of_a_marked_claim_is_completed(tmp_path: Path) -> None:
    (tmp_path / ".taken/token").mkdir(parents=True)
    (tmp_path / ".taken/token/a.txt.done").touch()
    (tmp_path / "a.txt").write_bytes(b"a")
    intake = Intake()
    assert poll(inbox(tmp_path, whole="marker"), intake) == 1
    assert tree(tmp_path) == {".archive/2026-03-02/a.txt": b"a"}
    assert list((tmp_path / ".taken").iterdir()) == []


def test_an_empty_claim_of_a_crash_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".taken/token").mkdir(parents=True)
    assert poll(inbox(tmp_path), Intake()) == 0
    assert list((tmp_path / ".taken").iterdir()) == []


def test_a_shutdown_in_the_middle_forgets_nothing(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_bytes(name.encode())
    box, intake = inbox(tmp_path), Intake()

    async def stopped() -> None:
        async def hangs(arrival: Arrival) -> Answer:
            await asyncio.Event().wait()
            return ACCEPTED

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(box.poll_once(hangs), 0.2)

    asyncio.run(stopped())
    assert poll(box, intake) == 2
    assert sorted(intake.files) == [("a.txt", b"a.txt"), ("b.txt", b"b.txt")]


def test_two_workers_share_a_folder_without_taking_a_file_twice(tmp_path: Path) -> None:
    boxes = [inbox(tmp_path), inbox(tmp_path)]
    for box in boxes:
        assert box.claim() == []
    for number in range(60):
        (tmp_path / f"{number}.txt").write_bytes(b"x")
    start = threading.Barrier(2)

    def claim(box: FolderInbox) -> list[str]:
        start.wait()
        return [claim.name for claim in box.claim()]

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(claim, boxes)
    assert len(first) + len(second) == 60
    assert len({*first, *second}) == 60


def test_a_claim_that_another_worker_filed_is_let_go(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a")
    first = inbox(tmp_path)
    [claim] = first.claim()
    second = inbox(tmp_path)
    assert poll(second, Intake()) == 1
    with pytest.raises(FileNotFoundError):
        first.read(claim)
    first.conclude(claim, ACCEPTED)
    assert tree(tmp_path) == {".archive/2026-03-02/a.txt": b"a"}
    first.conclude(claim, BUSY)
    assert first.claim() == []


def test_a_marker_is_given_back_when_the_file_cannot_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_bytes(b"a")
    (tmp_path / "a.txt.done").touch()
    box, rename = inbox(tmp_path, whole="marker"), os.rename

    def forbidden(source: Path, target: Path) -> None:
        if source.name == "a.txt":
            raise PermissionError(errno.EPERM, "Operation not permitted")
        rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", forbidden)
        assert box.claim() == []
    assert tree(tmp_path) == {"a.txt": b"a", "a.txt.done": b""}
    assert poll(box, Intake()) == 1


# Problems that the sender must hear of.


def problem_of(path: Path, **options: Any) -> Arrival:
    intake = Intake(REFUSED)
    assert poll(inbox(path, **options), intake) == 1
    return intake.arrivals[0]


def test_an_empty_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    assert problem_of(tmp_path).problem == "the file is empty"


def test_of_an_oversized_file_only_the_beginning_is_read(tmp_path: Path) -> None:
    with (tmp_path / "a.txt").open("wb") as file:
        file.write(b"ISA*00*")
        file.truncate(300_000_000)
    tracemalloc.start()
    try:
        arrival = problem_of(tmp_path, limit=1_000_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert arrival.problem == "too large: the file has more than 1000000 bytes"
    assert (arrival.raw[:7], len(arrival.raw)) == (b"ISA*00*", 65536)
    assert peak < 2_000_000
    assert os.path.getsize(tmp_path / ".refused/a.txt") == 300_000_000


def test_a_file_of_exactly_the_limit_is_no_problem(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"x" * 100)
    assert problem_of(tmp_path, limit=100).problem == ""


def test_a_link_is_never_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"root:x:0:0")
    box = tmp_path / "in"
    box.mkdir()
    (box / "a.txt").symlink_to(secret)
    arrival = problem_of(box)
    assert (arrival.raw, arrival.problem) == (b"", "the file is a link or no file at all")
    assert (box / ".refused/a.txt").is_symlink()
    assert secret.read_bytes() == b"root:x:0:0"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.txt")
    assert problem_of(tmp_path).problem == "the file is a link or no file at all"


@pytest.mark.parametrize("name", [b"a\nb.txt", b"a\xff.txt", b"x" * 220])
def test_a_name_that_cannot_be_written_down_is_a_problem(tmp_path: Path, name: bytes) -> None:
    with open(os.fsencode(tmp_path) + b"/" + name, "wb") as file:
        file.write(b"x")
    arrival = problem_of(tmp_path)
    assert "name" in arrival.problem
    assert arrival.name.isprintable()
    assert len(list((tmp_path / ".refused").iterdir())) == 2


def test_a_folder_of_ours_may_not_be_a_link(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    box = tmp_path / "in"
    box.mkdir()
    (box / ".archive").symlink_to(elsewhere)
    (box / "a.txt").write_bytes(b"a")
    with pytest.raises(NotADirectoryError):
        inbox(box).claim()
    assert (box / "a.txt").exists()


def test_a_missing_folder_is_an_error_and_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        poll(inbox(tmp_path / "nowhere"), Intake())


# The way out.


def drop(path: Path, name: str = "pay.xml", body: bytes = b"<Document/>", **options: Any) -> Taken:
    return asyncio.run(FolderLink(path, **options).perform(Drop(name=name, body=body)))


def test_a_file_is_left_whole_and_nothing_else(tmp_path: Path) -> None:
    assert drop(tmp_path) == Taken()
    assert tree(tmp_path) == {"pay.xml": b"<Document/>"}


def test_a_marker_follows_the_file(tmp_path: Path) -> None:
    drop(tmp_path, marker=True)
    assert tree(tmp_path) == {"pay.xml": b"<Document/>", "pay.xml.done": b""}


def test_the_same_file_again_is_a_success_and_changes_nothing(tmp_path: Path) -> None:
    drop(tmp_path)
    before = (tmp_path / "pay.xml").stat()
    assert drop(tmp_path) == Taken()
    after = (tmp_path / "pay.xml").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_other_bytes_under_the_same_name_collide_and_change_nothing(tmp_path: Path) -> None:
    drop(tmp_path)
    for body in (b"<Documents>", b"<Document/> "):
        with pytest.raises(Collision):
            drop(tmp_path, body=body)
    assert tree(tmp_path) == {"pay.xml": b"<Document/>"}


def test_what_a_crash_left_half_written_is_written_over(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"<Document/>").hexdigest()[:16]
    (tmp_path / f".pay.xml.{digest}.part").write_bytes(b"<Docu")
    drop(tmp_path)
    assert tree(tmp_path) == {"pay.xml": b"<Document/>"}


@pytest.mark.parametrize("name", ["../pay.xml", "/etc/pay.xml", "a/pay.xml", "..", "", ".pay.xml", "a\nb", "x" * 201])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotSent, match="plain name"):
        drop(tmp_path, name)
    assert tree(tmp_path) == {}


def test_a_missing_folder_is_not_sent(tmp_path: Path) -> None:
    with pytest.raises(NotSent, match="No such file"):
        drop(tmp_path / "nowhere")


def test_a_full_disk_is_not_sent_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NotSent, match="No space left"):
        drop(tmp_path)
    assert tree(tmp_path) == {}


def test_a_folder_that_cannot_be_made_durable_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsync, calls = os.fsync, 0

    def failing(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError(errno.EIO, "Input/output error")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(NoReply, match="Input/output"):
        drop(tmp_path)
    assert tree(tmp_path) == {"pay.xml": b"<Document/>"}


def test_a_file_system_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(source: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", unsupported)
    drop(tmp_path)
    assert tree(tmp_path) == {"pay.xml": b"<Document/>"}


def test_a_folder_that_hangs_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()

    def hangs(handle: int) -> None:
        gate.wait(5.0)

    monkeypatch.setattr(os, "fsync", hangs)

    async def scenario() -> None:
        with pytest.raises(NoReply):
            await FolderLink(tmp_path, timeout_s=0.1).perform(Drop(name="a.txt", body=b"a"))
        gate.set()

    asyncio.run(scenario())


def test_many_writers_of_one_name_leave_one_of_their_files_whole(tmp_path: Path) -> None:
    link = FolderLink(tmp_path)
    bodies = [bytes([65 + number % 2]) * 100_000 for number in range(16)]

    async def scenario() -> list[Taken | BaseException]:
        return await asyncio.gather(*(link.perform(Drop(name="a.txt", body=body)) for body in bodies), return_exceptions=True)

    outcomes = asyncio.run(scenario())
    [(name, kept)] = tree(tmp_path).items()
    assert (name, kept in bodies) == ("a.txt", True)
    for body, outcome in zip(bodies, outcomes, strict=True):
        assert outcome == Taken() if body == kept else isinstance(outcome, NotSent)


def test_a_request_does_not_go_into_a_folder(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="Http"):
        asyncio.run(FolderLink(tmp_path).perform(Http(method="GET", path="/")))


def test_what_goes_out_of_one_folder_comes_in_whole_on_the_other_side(tmp_path: Path) -> None:
    box, intake = inbox(tmp_path), Intake()
    for number in range(3):
        drop(tmp_path, f"{number}.xml", b"%d" % number * 1000)
        assert poll(box, intake) == 1
    assert [raw for _, raw in intake.files] == [b"%d" % number * 1000 for number in range(3)]
