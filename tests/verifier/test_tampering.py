"""Whoever touches one byte of an export is found out: 1,000 random tamperings, and what a forger does about the trailer."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.verifier.exports import (
    MESSAGE,
    ORDER,
    OTHER,
    PUBLIC,
    Export,
    by_hand,
    codes,
    day,
    decided,
    exported,
    fact,
    judged,
    pem,
    position_of,
    sealed,
)
from verifier import NotAnExport, reading

TAMPERINGS = 1000
Lines = list[bytes]


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """The day in its parts, without the schema (which is large, and proves nothing)."""
    whole = Export.of(exported(day(), tmp_path_factory.mktemp("export") / "day.jsonl"))
    return whole.but(header={**whole.header, "schema": {}})


def detected(raw: bytes) -> bool:
    """Whether the verifier says anything but "sound"."""
    try:
        return not judged(raw).sound
    except NotAnExport:
        return True


# -- the ways of tampering: each changes one thing


def another_byte(chance: Random, line: bytes, first: int = 0) -> bytes:
    """The line with one byte of it another one; never a line feed, which would be two lines."""
    place = chance.randrange(first, len(line) - 1)
    byte = chance.choice([byte for byte in range(256) if byte not in (line[place], 10)])
    return line[:place] + bytes([byte]) + line[place + 1 :]


def changed(chance: Random, lines: Lines) -> Lines:
    at = chance.randrange(len(lines))
    return [*lines[:at], another_byte(chance, lines[at], first=1), *lines[at + 1 :]]


def removed(chance: Random, lines: Lines) -> Lines:
    at = chance.randrange(len(lines))
    return [*lines[:at], *lines[at + 1 :]]


def duplicated(chance: Random, lines: Lines) -> Lines:
    at = chance.randrange(len(lines))
    return [*lines[: at + 1], *lines[at:]]


def reordered(chance: Random, lines: Lines) -> Lines:
    one, two = sorted(chance.sample(range(len(lines)), 2))
    moved = list(lines)
    moved[one], moved[two] = moved[two], moved[one]
    return moved


def renumbered(chance: Random, lines: Lines) -> Lines:
    """Two events change places and keep the positions in order."""
    one, two = sorted(chance.sample(range(len(lines)), 2))
    moved = list(lines)
    moved[one], moved[two] = (_at(lines[two], position_of(lines[one])), _at(lines[one], position_of(lines[two])))
    return moved


def inserted(chance: Random, lines: Lines) -> Lines:
    """A new event at a position of its own; those after it make room."""
    at = chance.randrange(len(lines) + 1)
    new = lines[chance.randrange(len(lines))].replace(b'"once":"', b'"once":"new/', 1)
    after = [_at(line, position_of(line) + 1) for line in lines[at:]]
    return [*lines[:at], _at(new, at + 1), *after]


def _at(line: bytes, position: int) -> bytes:
    return b'{"position":%d,' % position + line.partition(b",")[2]


def signatures_swapped(chance: Random, lines: Lines) -> Lines:
    one, two = chance.sample(range(len(lines)), 2)
    said = [json.loads(line)["checkpoint"] for line in lines]
    said[one]["signature"], said[two]["signature"] = said[two]["signature"], said[one]["signature"]
    return [json.dumps({"checkpoint": each}, separators=(",", ":")).encode() + b"\n" for each in said]


OF_EVENTS: tuple[Callable[[Random, Lines], Lines], ...] = (changed, removed, duplicated, reordered, renumbered, inserted)
OF_CHECKPOINTS: tuple[Callable[[Random, Lines], Lines], ...] = (changed, duplicated, reordered, signatures_swapped)


def with_parts(export: Export, chance: Random, forged: bool) -> tuple[str, bytes]:
    """Events or checkpoints tampered with; a forger writes header and trailer anew, others leave them as they were."""
    if chance.random() < 0.6:
        act, part = chance.choice(OF_EVENTS), "events"
    else:
        # left out between two others and covered by them, a checkpoint is missed by the trailer alone
        act, part = chance.choice(OF_CHECKPOINTS if forged else (*OF_CHECKPOINTS, removed)), "checkpoints"
    tampered = export.but(**{part: act(chance, list(getattr(export, part)))})
    return f"{part} {act.__name__}", tampered.rewritten() if forged else _as_it_was(export, tampered)


def _as_it_was(export: Export, tampered: Export) -> bytes:
    header, *_, trailer = export.rewritten().splitlines(keepends=True)
    return b"".join((header, *tampered.events, *tampered.checkpoints, trailer))


def with_bytes(export: Export, chance: Random) -> tuple[str, bytes]:
    """The file tampered with: cut off, its header or trailer changed, another key named."""
    raw = export.rewritten()
    header, *lines, trailer = raw.splitlines(keepends=True)
    match chance.randrange(4):
        case 0:
            return "file truncated", raw[: chance.randrange(len(raw))]
        case 1:
            return "header changed", another_byte(chance, header) + b"".join(lines) + trailer
        case 2:
            return "trailer changed", header + b"".join(lines) + another_byte(chance, trailer)
        case _:
            return "header key", export.but(header={**export.header, "public_key": pem(OTHER)}).rewritten()


def test_the_untouched_day_is_sound(export: Export) -> None:
    assert judged(export.rewritten(), key=PUBLIC).sound


def test_every_one_of_a_thousand_tamperings_is_detected(export: Export) -> None:
    chance = Random(20260302)
    done: Counter[str] = Counter()
    missed = []
    original = export.rewritten()
    while done.total() < TAMPERINGS:
        forged = chance.random() < 0.5
        name, raw = with_parts(export, chance, forged) if chance.random() < 0.75 else with_bytes(export, chance)
        if raw == original:  # two equal things changed places
            continue
        name = f"{name}, trailer written anew" if forged and not name.startswith(("file", "header", "trailer")) else name
        done[name] += 1
        if not detected(raw):
            missed.append((done.total(), name))
    assert missed == []
    assert len(done) >= 19, done


def test_damage_is_located_between_two_checkpoints(export: Export) -> None:
    events = list(export.events)
    events[49] = events[49].replace(b'"at":"2026', b'"at":"2025', 1)
    report = judged(export.but(events=events).rewritten())
    before = max(json.loads(line)["checkpoint"]["position"] for line in export.checkpoints if _position(line) < 50)
    after = min(json.loads(line)["checkpoint"]["position"] for line in export.checkpoints if _position(line) >= 50)
    (finding,) = [finding for finding in report.findings if finding.code == "seal.head"]
    assert finding.position == after
    assert f"between position {before} and checkpoint {after}" in finding.text
    assert report.checkpoints_matched == len(export.checkpoints) - 1, "the stretches after it are judged by themselves"


def _position(line: bytes) -> int:
    position = json.loads(line)["checkpoint"]["position"]
    assert isinstance(position, int)
    return position


# -- the end of the file


def cut_at_a_checkpoint(export: Export) -> Export:
    """What an export made earlier would have been."""
    last = _position(export.checkpoints[-3])
    return export.but(events=[line for line in export.events if position_of(line) <= last], checkpoints=export.checkpoints[:-2])


def test_a_cut_at_a_checkpoint_is_found_by_the_trailer(export: Export) -> None:
    assert codes(_as_it_was(export, cut_at_a_checkpoint(export))) >= {"trailer.differs", "header.differs"}


def test_a_cut_with_a_trailer_written_anew_is_found_with_an_anchor_only(export: Export) -> None:
    whole, cut = judged(export.rewritten()), cut_at_a_checkpoint(export).rewritten()
    assert codes(cut) == set()
    assert codes(cut, anchors={whole.last: whole.head}) == {"anchor.missing"}
    assert judged(export.rewritten(), anchors={whole.last: whole.head}).anchors_matched == 1


def test_an_anchor_is_the_head_at_its_position(export: Export) -> None:
    earlier = judged(cut_at_a_checkpoint(export).rewritten())
    assert codes(export.rewritten(), anchors={earlier.last: earlier.head}) == set()
    assert codes(export.rewritten(), anchors={earlier.last: "0" * 64}) == {"anchor.head"}


def test_events_after_the_last_checkpoint_are_not_believed(export: Export) -> None:
    assert codes(export.but(checkpoints=export.checkpoints[:-1]).rewritten()) == {"seal.tail"}
    assert codes(export.but(checkpoints=[]).rewritten()) == {"seal.tail"}


def test_lines_out_of_place(export: Export) -> None:
    header, *lines, trailer = export.rewritten().splitlines(keepends=True)
    late = lines.pop(10)
    assert "line.misplaced" in codes(b"".join((header, *lines, late, trailer)))
    assert codes(export.rewritten() + b"more\n") == {"line.misplaced"}
    assert codes(b"".join((header, *lines))) >= {"trailer.missing"}


# -- what even the holder of the key cannot pass off


def test_positions_increase_and_counts_agree_whoever_signed() -> None:
    assert codes(sealed([(1, MESSAGE), (5, ORDER)]).rewritten(), key=PUBLIC) == set(), "gaps are allowed"
    third = fact("x", "OrderStatus", order="PO-2", state="confirmed")
    assert codes(sealed([(1, MESSAGE), (5, ORDER), (4, third), (6, decided())]).rewritten(), key=PUBLIC) == {"event.order"}
    assert codes(sealed([(1, MESSAGE), (2, ORDER)], count=3).rewritten(), key=PUBLIC) == {"seal.events"}


@pytest.mark.parametrize(("was", "now"), [(b"12:00:00.000000Z", b"12:00:00.000Z+"), (b"T12:", b" 12:"), (b"00Z", b"00z")])
def test_a_checkpoint_is_written_in_one_way_only(was: bytes, now: bytes) -> None:
    export = sealed([(1, MESSAGE), (2, ORDER)])
    assert was in export.checkpoints[0]
    assert codes(export.but(checkpoints=[export.checkpoints[0].replace(was, now)]).rewritten()) == {"seal.signature"}


def test_a_signature_is_written_in_lower_case() -> None:
    export = sealed([(1, MESSAGE), (2, ORDER)])
    said = json.loads(export.checkpoints[0])["checkpoint"]
    raised = export.checkpoints[0].replace(said["signature"].encode(), said["signature"].upper().encode())
    assert codes(export.but(checkpoints=[raised]).rewritten()) == {"seal.signature"}


# -- the key


def test_what_another_key_signed_is_found_with_the_hospitals_own_key_only() -> None:
    forged = by_hand(signer=OTHER)
    assert codes(forged) == set()
    assert codes(forged, key=PUBLIC) == {"key.other", "seal.signature"}


def test_a_key_of_another_kind(export: Export) -> None:
    nonsense = export.but(header={**export.header, "public_key": "no key"}).rewritten()
    with pytest.raises(NotAnExport, match="public key"):
        judged(nonsense)
    assert codes(nonsense, key=PUBLIC) == {"key.damaged"}
    nameless = export.but(header={**export.header, "public_key": ""}).rewritten()
    with pytest.raises(NotAnExport, match="--public-key"):
        judged(nameless)
    assert codes(nameless, key=PUBLIC) == set()


@pytest.mark.parametrize(
    "raw", [b"", b"{}\n", b"[]\n", b'{"suture-export":2}\n', b'{"suture-export":1}\n', b"\x1f\x8bnot gzip", b"\xff\n"]
)
def test_what_is_no_export_is_said_to_be_none(raw: bytes) -> None:
    with pytest.raises(NotAnExport):
        judged(raw)


def test_what_would_exhaust_the_reader_is_refused(export: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = b'{"position":1,"event":{"once":' + b"[" * 100_000 + b"]" * 100_000 + b"}}\n"
    assert codes(export.but(events=[deep]).rewritten()) >= {"event.unreadable", "seal.head"}
    monkeypatch.setattr(reading, "LONGEST", 4000)
    long = b'{"position":1,"event":{"once":"' + b"x" * 5000 + b'"}}\n'
    assert "file.broken" in codes(export.but(events=[long]).rewritten())


def test_a_packed_file_may_be_damaged_too(tmp_path: Path) -> None:
    raw = exported(day(), tmp_path / "day.jsonl.gz")
    assert judged(raw).sound
    chance = Random(7)
    for _ in range(20):
        assert detected(raw[: chance.randrange(len(raw))])
        place = chance.randrange(20, len(raw))
        assert detected(raw[:place] + bytes([raw[place] ^ 1 << chance.randrange(8)]) + raw[place + 1 :])
