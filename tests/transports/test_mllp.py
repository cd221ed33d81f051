"""MLLP: frames however the bytes come, answers after the commit and in order, and a client that trusts only its own ACK.

Numbers in brackets are the HL7 v2 pitfalls that a test covers (12: acknowledgement, 13: framing).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suture.formats import Profile, Stamp, Verdict
from suture.formats.hl7v2 import FORMAT, acknowledge, parse_ack, read
from suture.transports.exchange import Answer, Arrival, Http, NoReply, NotSent, Say, Taken
from suture.transports.mllp import MllpLink, MllpServer, serve_mllp
from suture.transports.mllp_frames import BEGINNING, Frame, Frames, frame, frameable

SAMPLE = FORMAT.samples[0].raw
STAMP = Stamp(number=7, at="2026-03-02T15:15:01Z")


def message(control_id: str) -> bytes:
    return SAMPLE.replace(b"C1001", control_id.encode())


def ack(raw: bytes, outcome: str = "accepted") -> bytes:
    reading = read(raw, Profile())
    return acknowledge(reading, Verdict(outcome=outcome, findings=reading.findings, stamp=STAMP), Profile()) or b""


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 20))


# Frames


def fed(stream: bytes, sizes: int, limit: int = 1000) -> list[Frame]:
    frames = Frames(limit)
    found = [one for start in range(0, len(stream), sizes) for one in frames.feed(stream[start : start + sizes])]
    return found + frames.finish()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 10_000])
def test_a_frame_is_found_however_it_is_split_13(size: int) -> None:
    stream = frame(SAMPLE) + frame(message("C2"))
    assert fed(stream, size) == [Frame(SAMPLE), Frame(message("C2"))]


@pytest.mark.parametrize("at", range(40))
def test_a_frame_split_at_every_byte_13(at: int) -> None:
    stream = frame(b"MSH|^~\\&|A\rPID|1\r") * 2
    frames = Frames()
    found = frames.feed(stream[:at]) + frames.feed(stream[at:])
    assert found == [Frame(b"MSH|^~\\&|A\rPID|1\r")] * 2


def test_several_frames_in_one_read_13() -> None:
    assert Frames().feed(b"".join(frame(b"m%d" % n) for n in range(50))) == [Frame(b"m%d" % n) for n in range(50)]


@pytest.mark.parametrize("between", [b"\r\n", b"\n", b"\0", b"\x1c\r", b"  "])
def test_line_ends_between_frames_are_nothing_13(between: bytes) -> None:
    assert fed(between + frame(b"one") + between + frame(b"two") + between, 1000) == [Frame(b"one"), Frame(b"two")]


def test_junk_between_frames_costs_no_message_13() -> None:
    stream = b"GET / HTTP/1.1\r\n" + frame(b"one") + b"garbage" + frame(b"two") + b"tail"
    whole = [
        Frame(b"GET / HTTP/1.1\r\n", "junk"),
        Frame(b"one"),
        Frame(b"garbage", "junk"),
        Frame(b"two"),
        Frame(b"tail", "junk"),
    ]
    assert fed(stream, 10_000) == whole
    assert [one for one in fed(stream, 1) if not one.problem] == [Frame(b"one"), Frame(b"two")]


def test_a_missing_carriage_return_before_the_next_frame_13() -> None:
    assert fed(b"\x0bone\x1c\x0btwo\x1c\n\x0bthree\x1c\r", 1) == [Frame(b"one"), Frame(b"two"), Frame(b"three")]


def test_a_missing_carriage_return_at_the_end_13() -> None:
    frames = Frames()
    assert frames.feed(b"\x0bone\x1c") == []
    assert frames.waiting
    assert frames.settle() == [Frame(b"one")]
    assert not frames.waiting
    assert frames.feed(b"\r\x0btwo\x1c\r") == [Frame(b"two")], "the late carriage return is nothing"


def test_an_end_mark_inside_the_data_13() -> None:
    assert fed(b"\x0bone\x1c|two\x1c\x1c\r", 1) == [Frame(b"one\x1c|two\x1c")]


def test_a_sender_that_broke_off_and_began_again() -> None:
    assert fed(b"\x0bMSH|1\rPI\x0bMSH|2\r\x1c\r", 1) == [Frame(b"MSH|2\r")]


def test_a_start_mark_in_data_is_data() -> None:
    assert fed(b"\x0bMSH|1|a\x0bb\r\x1c\r", 1) == [Frame(b"MSH|1|a\x0bb\r")]


def test_the_stream_ends_inside_a_frame_13() -> None:
    assert fed(b"\x0bMSH|1", 2) == [Frame(b"MSH|1", "unterminated")]
    assert fed(b"\x0bMSH|1\x1c", 2) == [Frame(b"MSH|1")]


def test_a_50_mb_frame_is_skipped_in_bounded_memory_13() -> None:
    frames, limit = Frames(1_000_000), 1_000_000
    chunk = b"x" * 65_536
    found = frames.feed(b"\x0bMSH|big")
    for _ in range(800):
        found += frames.feed(chunk)
        assert len(frames._buffer) <= limit + len(chunk)
    found += frames.feed(b"\x1c\r" + frame(b"next"))
    assert [(one.problem, len(one.body)) for one in found] == [("too large", BEGINNING), ("", 4)]
    assert found[0].body.startswith(b"MSH|big")


def test_a_frame_of_exactly_the_limit_is_whole() -> None:
    assert fed(frame(b"x" * 1000), 4096) == [Frame(b"x" * 1000)]
    assert fed(frame(b"x" * 1001), 4096) == [Frame(b"x" * 1001, "too large")]
    assert fed(frame(b"x" * 1001), 1) == [Frame(b"x" * 1001, "too large")]


def test_an_empty_frame_is_no_message() -> None:
    assert fed(frame(b"") + frame(b"\r"), 1) == [Frame(b"", "junk"), Frame(b"\r", "junk")]


@given(
    bodies=st.lists(st.binary(min_size=1, max_size=40).filter(lambda body: frameable(body) and body.strip()), max_size=5),
    cut=st.data(),
)
def test_any_message_in_any_pieces_13(bodies: list[bytes], cut: st.DataObject) -> None:
    stream = b"".join(map(frame, bodies))
    frames, found, at = Frames(), [], 0
    while at < len(stream):
        size = cut.draw(st.integers(1, 30))
        found += frames.feed(stream[at : at + size])
        at += size
    assert found + frames.finish() == [Frame(body) for body in bodies]


@given(
    stream=st.lists(st.sampled_from([b"\x0b", b"\x1c", b"\r", b"\n", b"MSH|", b"x" * 30]), max_size=60).map(b"".join),
    size=st.integers(1, 9),
)
def test_no_stream_breaks_the_framing(stream: bytes, size: int) -> None:
    for one in fed(stream, size, limit=50):
        assert len(one.body) <= 50 + size or one.problem


# The server


class Intake:
    """Commits into a list, then answers: what intake is to the transport."""

    def __init__(self, answer: Callable[[Arrival], Awaitable[Answer]] | None = None) -> None:
        self.committed: list[Arrival] = []
        self.answer = answer

    async def __call__(self, arrival: Arrival) -> Answer:
        await asyncio.sleep(0)
        self.committed.append(arrival)
        return await self.answer(arrival) if self.answer else Answer(outcome="accepted", body=ack(arrival.raw))


@contextlib.asynccontextmanager
async def listening(intake: Intake, **limits: Any) -> AsyncIterator[MllpServer]:
    async with await serve_mllp("", 0, intake, instance="ehr-main", channel="charges", **limits) as server:
        yield server


@contextlib.asynccontextmanager
async def calling(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def answer_on(reader: asyncio.StreamReader) -> tuple[str, str]:
    raw = await reader.readuntil(b"\x1c\r")
    assert raw.startswith(b"\x0b")
    return parse_ack(raw[1:-2])[:2]


def test_every_message_is_answered_after_its_commit_and_in_order_12() -> None:
    async def story() -> None:
        intake = Intake()
        async with listening(intake) as server, calling(server.port) as (reader, writer):
            writer.write(b"".join(frame(message(f"C{n}")) for n in range(10)))
            for n in range(10):
                assert await answer_on(reader) == ("AA", f"C{n}")
                assert len(intake.committed) >= n + 1
        assert [arrival.raw for arrival in intake.committed] == [message(f"C{n}") for n in range(10)]
        assert {(arrival.instance, arrival.channel) for arrival in intake.committed} == {("ehr-main", "charges")}

    run(story())


def test_no_answer_before_the_commit_12() -> None:
    async def story() -> None:
        committed = asyncio.Event()

        async def slow(arrival: Arrival) -> Answer:
            await committed.wait()
            return Answer(outcome="accepted", body=ack(arrival.raw))

        async with listening(Intake(slow)) as server, calling(server.port) as (reader, writer):
            writer.write(frame(SAMPLE))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.readexactly(1), 0.2)
            committed.set()
            assert await reader.readuntil(b"\x1c\r")

    run(story())


def test_junk_and_a_missing_carriage_return_on_a_line_13() -> None:
    async def story() -> None:
        intake = Intake()
        async with listening(intake) as server, calling(server.port) as (reader, writer):
            writer.write(b"hello\r\n\x0b" + message("C1") + b"\x1c")
            assert await answer_on(reader) == ("AA", "C1"), "the sender waits for its answer and sends nothing more"
            writer.write(frame(message("C2")))
            assert await answer_on(reader) == ("AA", "C2")
            assert server.troubles == {"junk": 1}

    run(story())


def test_a_message_over_the_limit_is_told_and_the_next_is_taken_13() -> None:
    async def story() -> None:
        async def refuse(arrival: Arrival) -> Answer:
            outcome = "refused" if arrival.problem else "accepted"
            return Answer(outcome=outcome, body=ack(arrival.raw, outcome))

        intake = Intake(refuse)
        async with listening(intake, limit=10_000) as server, calling(server.port) as (reader, writer):
            writer.write(frame(message("BIG") + b"NTE|1||" + b"x" * 200_000) + frame(message("C2")))
            assert await answer_on(reader) == ("AE", "BIG")
            assert await answer_on(reader) == ("AA", "C2")
        assert [arrival.problem for arrival in intake.committed] == ["too large", ""]
        assert len(intake.committed[0].raw) <= BEGINNING
        assert server.troubles == {"too large": 1}

    run(story())


def test_busy_writes_nothing_and_the_line_stays_open_12() -> None:
    async def story() -> None:
        answers = iter([Answer(outcome="busy"), Answer(outcome="accepted", body=ack(SAMPLE))])

        async def busy(arrival: Arrival) -> Answer:
            return next(answers)

        async with listening(Intake(busy)) as server, calling(server.port) as (reader, writer):
            writer.write(frame(SAMPLE))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.readexactly(1), 0.2)
            writer.write(frame(SAMPLE))
            assert await answer_on(reader) == ("AA", "C1001")

    run(story())


def test_a_failing_intake_answers_nothing_and_lets_nothing_overtake(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async def fails(arrival: Arrival) -> Answer:
            raise RuntimeError("the journal is away")

        intake = Intake(fails)
        async with listening(intake) as server, calling(server.port) as (reader, writer):
            writer.write(frame(message("C1")) + frame(message("C2")))
            assert await reader.read() == b""
        assert len(intake.committed) == 1

    with caplog.at_level(logging.WARNING):
        run(story())
    assert "intake failed for ehr-main/charges" in caplog.text
    assert "TESTPATIENT" not in caplog.text


def test_a_commit_that_takes_too_long_is_not_answered() -> None:
    async def story() -> None:
        async def never(arrival: Arrival) -> Answer:
            await asyncio.sleep(60)
            raise AssertionError

        async with listening(Intake(never), patience_s=0.1) as server, calling(server.port) as (reader, writer):
            writer.write(frame(SAMPLE))
            assert await reader.read() == b""

    run(story())


def test_the_peer_hangs_up_inside_a_frame_13() -> None:
    async def story() -> None:
        intake = Intake()
        async with listening(intake) as server:
            async with calling(server.port) as (_, writer):
                writer.write(b"\x0b" + SAMPLE[:40])
                await writer.drain()
            while not server.troubles:
                await asyncio.sleep(0.01)
            assert server.troubles == {"unterminated": 1}
        assert intake.committed == []

    run(story())


def test_an_idle_line_is_closed() -> None:
    async def story() -> None:
        async with listening(Intake(), idle_timeout_s=0.1) as server, calling(server.port) as (reader, _):
            assert await reader.read() == b""

    run(story())


def test_more_connections_than_allowed_are_closed_at_once() -> None:
    async def story() -> None:
        async with listening(Intake(), connections=1) as server, calling(server.port) as (reader, writer):
            writer.write(frame(SAMPLE))
            assert await answer_on(reader) == ("AA", "C1001")
            async with calling(server.port) as (second, _):
                assert await second.read() == b""
            writer.write(frame(message("C2")))
            assert await answer_on(reader) == ("AA", "C2")
            assert server.troubles["too many connections"] == 1

    run(story())


def test_closing_finishes_what_is_under_way() -> None:
    async def story() -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def slow(arrival: Arrival) -> Answer:
            begun.set()
            await go_on.wait()
            return Answer(outcome="accepted", body=ack(arrival.raw))

        server = await serve_mllp("", 0, Intake(slow), instance="e", channel="c")
        async with calling(server.port) as (reader, writer), calling(server.port) as (idle, _):
            writer.write(frame(SAMPLE))
            await begun.wait()
            closing = asyncio.create_task(server.close())
            assert await idle.read() == b""
            assert not closing.done()
            go_on.set()
            assert await answer_on(reader) == ("AA", "C1001")
            await closing
            assert await reader.read() == b""

    run(story())


def test_only_this_machine_is_served_unless_told_otherwise() -> None:
    async def story() -> None:
        async with listening(Intake()) as server:
            assert server._server is not None
            assert server._server.sockets[0].getsockname()[0] == "127.0.0.1"
            with pytest.raises(OSError, match="address already in use"):
                await serve_mllp("127.0.0.1", server.port, Intake(), instance="e", channel="c")

    run(story())


# The client


@contextlib.asynccontextmanager
async def peer(*replies: bytes | None, hang_up: bool = False) -> AsyncIterator[tuple[MllpLink, list[bytes]]]:
    """A receiver that answers the n-th message with the n-th bytes, whatever they are."""
    heard: list[bytes] = []
    tasks: set[asyncio.Task[None] | None] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                heard.append((await reader.readuntil(b"\x1c\r"))[1:-2])
                reply = replies[len(heard) - 1] if len(heard) <= len(replies) else None
                if reply is not None:
                    writer.write(reply)
                    await writer.drain()
                if hang_up:
                    break
        writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    link = MllpLink("127.0.0.1", server.sockets[0].getsockname()[1], timeout_s=0.6)
    try:
        yield link, heard
    finally:
        await link.close()
        server.close()
        await asyncio.gather(*(task for task in tasks if task), return_exceptions=True)


def test_link_and_server_understand_each_other() -> None:
    async def story() -> None:
        intake = Intake()
        async with listening(intake) as server:
            link = MllpLink("127.0.0.1", server.port)
            replies = await asyncio.gather(*(link.perform(Say(body=message(f"C{n}"))) for n in range(20)))
            assert [parse_ack(reply.body)[:2] for reply in replies] == [("AA", f"C{n}") for n in range(20)]
            assert len(server._tasks) == 1, "one connection, one message under way"
            await link.close()

    run(story())


def test_an_acknowledgement_of_another_message_is_a_stray_13() -> None:
    async def story() -> None:
        first, second = frame(ack(message("C1"))), frame(ack(message("C2")))
        async with peer(first, first + second + first) as (link, heard):
            assert parse_ack((await link.perform(Say(body=message("C1")))).body)[:2] == ("AA", "C1")
            reply = await link.perform(Say(body=message("C2")))
            assert parse_ack(reply.body)[:2] == ("AA", "C2")
            assert len(heard) == 2

    run(story())


def test_what_follows_an_answer_does_not_answer_the_next_message_13() -> None:
    async def story() -> None:
        first = frame(ack(message("C1")))
        async with peer(first * 3, None) as (link, _):
            await link.perform(Say(body=message("C1")))
            with pytest.raises(NoReply, match="no acknowledgement within"):
                await link.perform(Say(body=message("C2")))

    run(story())


def test_a_refusal_is_a_reply() -> None:
    async def story() -> None:
        bad = message("C1").replace(b"||CG|", b"||XX|")
        async with peer(frame(ack(bad, "refused"))) as (link, _):
            reply = await link.perform(Say(body=bad))
            code, control_id, findings = parse_ack(reply.body)
            assert (code, control_id, [finding.code for finding in findings]) == ("AE", "C1", ["103"])

    run(story())


def test_an_answer_that_names_no_message_is_taken() -> None:
    async def story() -> None:
        async with peer(frame(b"MSH|^~\\&|P||||20260302||ACK|1|P|2.5\rMSA|AR|\r")) as (link, _):
            assert parse_ack((await link.perform(Say(body=SAMPLE))).body).code == "AR"

    run(story())


def test_no_answer_in_time_is_an_unknown_outcome_and_the_next_is_asked_anew_13() -> None:
    async def story() -> None:
        async with peer(None, frame(ack(message("C1")))) as (link, heard):
            with pytest.raises(NoReply, match=r"no acknowledgement within 0\.6 s"):
                await link.perform(Say(body=message("C1")))
            assert parse_ack((await link.perform(Say(body=message("C1")))).body).code == "AA"
            assert heard == [message("C1")] * 2

    run(story())


def test_the_peer_hangs_up_before_and_amid_its_answer_13() -> None:
    async def story() -> None:
        async with peer(None, frame(ack(SAMPLE))[:30], hang_up=True) as (link, _):
            for _ in range(2):
                with pytest.raises(NoReply, match="ended before the acknowledgement"):
                    await link.perform(Say(body=SAMPLE))

    run(story())


def test_a_line_that_the_peer_closed_meanwhile_is_opened_anew() -> None:
    async def story() -> None:
        async with peer(frame(ack(message("C1"))), frame(ack(message("C2"))), hang_up=True) as (link, heard):
            await link.perform(Say(body=message("C1")))
            await asyncio.sleep(0.05)
            await link.perform(Say(body=message("C2")))
            assert len(heard) == 2

    run(story())


def test_nobody_listens() -> None:
    async def story() -> None:
        server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        with pytest.raises(NotSent, match="no connection"):
            await MllpLink("127.0.0.1", port).perform(Say(body=SAMPLE))

    run(story())


def test_what_cannot_be_framed_is_not_sent() -> None:
    async def story() -> None:
        link = MllpLink("127.0.0.1", 9)
        with pytest.raises(NotSent, match="holds the marks"):
            await link.perform(Say(body=b"MSH|\x1c\rPID"))
        with pytest.raises(TypeError):
            await link.perform(Http(method="GET", path="/"))

    run(story())


def test_a_message_that_waits_too_long_for_its_turn_was_not_sent() -> None:
    async def story() -> None:
        async with peer(None) as (link, heard):
            first = asyncio.create_task(link.perform(Say(body=message("C1"))))
            await asyncio.sleep(0.05)
            link._timeout_s = 0.1
            with pytest.raises(NotSent, match="still under way"):
                await link.perform(Say(body=message("C2")))
            with pytest.raises(NoReply):
                await first
            assert heard == [message("C1")]

    run(story())


def test_closing_a_link_ends_what_is_under_way() -> None:
    async def story() -> None:
        async with peer(None) as (link, _):
            under_way = asyncio.create_task(link.perform(Say(body=SAMPLE)))
            await asyncio.sleep(0.1)
            await link.close()
            with pytest.raises(NoReply):
                await under_way

    run(story())


def test_endless_strays_end() -> None:
    async def story() -> None:
        async with peer(frame(ack(message("C0"))) * 150) as (link, _):
            with pytest.raises(NoReply):
                await link.perform(Say(body=message("C1")))

    run(story())


def test_errors_name_no_content() -> None:
    async def story() -> None:
        async with peer(None, hang_up=True) as (link, _):
            with pytest.raises(NoReply) as raised:
                await link.perform(Say(body=SAMPLE))
            assert "TESTPATIENT" not in str(raised.value)

    run(story())


# Somebody else's MLLP: python-hl7, in both directions


def test_our_link_and_their_server() -> None:
    pytest.importorskip("hl7", reason="python-hl7 is not installed")
    from hl7.mllp import start_hl7_server

    async def story() -> None:
        heard: list[str] = []

        async def serve(reader: Any, writer: Any) -> None:
            with contextlib.suppress(asyncio.IncompleteReadError):
                while True:
                    received = await reader.readmessage()
                    heard.append(str(received.segment("MSH")[10]))
                    writer.writemessage(received.create_ack("AA"))
                    await writer.drain()
            writer.close()

        async with await start_hl7_server(serve, host="127.0.0.1", port=0) as server:
            link = MllpLink("127.0.0.1", server.sockets[0].getsockname()[1])
            for n in range(5):
                reply: Taken = await link.perform(Say(body=message(f"C{n}")))
                assert parse_ack(reply.body)[:2] == ("AA", f"C{n}")
            await link.close()
        assert heard == [f"C{n}" for n in range(5)]

    run(story())


def test_their_client_and_our_server() -> None:
    hl7 = pytest.importorskip("hl7", reason="python-hl7 is not installed")
    from hl7.mllp import open_hl7_connection

    async def story() -> None:
        async with listening(Intake()) as server:
            reader, writer = await open_hl7_connection(host="127.0.0.1", port=server.port)
            for n in range(5):
                writer.writemessage(hl7.parse(message(f"C{n}").decode()))
                await writer.drain()
                answer = await reader.readmessage()
                assert str(answer.segment("MSA")[1]) == "AA"
                assert str(answer.segment("MSA")[2]) == f"C{n}"
            writer.close()
            await writer.wait_closed()

    run(story())
