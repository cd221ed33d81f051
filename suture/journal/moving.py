"""Old events move to the archive: their bodies leave the journal once the archive has proven that it holds them.

What stays of an event is its row without the body: position, unique key, kind, type, source, time, root, and what it is about. So
repeats stay repeats and everything is found as before; whoever asks for the event itself is given it from the archive, and every
reader (views that are built anew, the ledger, journeys, replay, export, the seal's own check) gets the same answer as before, if
later. An archive to which events have moved is therefore a part of the journal, to be kept and backed up with it.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from suture.journal.parquet import Archive, NotThisArchive
from suture.journal.reading import Reading
from suture.journal.seal import verify

_PAGE = 5000


def move(journal: Reading, target: Path, public: Ed25519PublicKey) -> int:
    """Let everything that the archive holds leave the journal; returns how many events' bodies went.

    Before the first goes, the whole archive is read back from its files: its chain and every signature by this key, its last
    checkpoint against the journal's own, and every body that is to go, byte for byte. Raises NotThisArchive, with nothing moved,
    and Unavailable; called again, it goes on where it ended.
    """
    archived = Archive(target)
    _check(archived, public)
    _check_end(journal, archived)
    _check_bodies(journal, archived)
    return journal.let_go(target.resolve(), archived.mark.position)


def _check(archived: Archive, public: Ed25519PublicKey) -> None:
    if findings := verify(archived, public):
        raise NotThisArchive(f"the archive does not prove itself, nothing was moved: {findings[0].path}: {findings[0].text}")


def _check_end(journal: Reading, archived: Archive) -> None:
    """Its last checkpoint, which covers all before it, is the journal's own; and it holds whatever has moved already."""
    end = archived.mark.position
    if archived.checkpoints(end - 1, 1) != journal.checkpoints(end - 1, 1):
        raise NotThisArchive(f"the archive ends at position {end} with a seal that this journal does not have: nothing was moved")
    if end < journal.moved():
        raise NotThisArchive(f"events up to position {journal.moved()} have moved already, this archive ends at {end}")


def _check_bodies(journal: Reading, archived: Archive) -> None:
    after, end = journal.moved(), archived.mark.position
    while after < end:
        held = archived.bodies(after, _PAGE)
        if journal.bodies(after, len(held)) != held:
            raise NotThisArchive(f"what stands after position {after} is not what was archived: nothing was moved")
        after = held[-1][0]
