"""An evidence file checked: every fact in it is in the sealed chain, byte for byte, or by its hash where its bytes are withheld.

The file is a page of HTML for people, written by ``suture evidence``. This program reads only the evidence inside it: gzip in
base64 behind the page's download link, JSON of the format ``suture-evidence-1``. Each stretch of the chain is recomputed from
the hashes of all events between two checkpoints, whose signatures and counts are checked; each fact must stand there under its
own hash.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import hashlib
import re
import zlib
from dataclasses import dataclass
from io import BytesIO

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from verifier.chain import fingerprint, public_key, signed
from verifier.reading import Checkpoint, Json, Malformed, NotAnExport, decode, mapping, number, objects, text

FORMAT = "suture-evidence-1"
#: How large the evidence in a page may be, in bytes.
LARGEST = 256 * 1024 * 1024
_EMBEDDED = re.compile(rb'href="data:application/gzip;base64,([A-Za-z0-9+/=]+)"')
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Verified:
    """What an evidence file proves: facts in the chain, how many of them with their bytes, under which key; and what is wrong."""

    subject: str
    facts: int
    with_bytes: int
    stretches: int
    key_fingerprint: str
    key_given: bool
    findings: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


def verify_evidence(page: bytes, key: Ed25519PublicKey | None = None) -> Verified:
    """Check one evidence file; raises NotAnExport for a page without evidence that this program knows."""
    try:
        said = decode(_inside(page))
        if text(said, "format") != FORMAT:
            raise NotAnExport(f"the evidence has another format than {FORMAT}: use a later verifier")
        proof = mapping(said, "proof")
        trusted = key or public_key(text(proof, "public_key").encode())
        return _checked(said, proof, trusted, given=key is not None)
    except (Malformed, ValueError) as error:
        raise NotAnExport(f"the evidence is damaged: {error}") from error


def words(found: Verified, name: str) -> str:
    """The verdict for people."""
    lines = [f"{name}: {'sound' if found.sound else 'NOT SOUND'}", f"  subject     {found.subject}"]
    lines.append(
        f"  facts       {found.facts} in the sealed chain, {found.with_bytes} with their bytes, the others by their hash"
    )
    where = "given" if found.key_given else "the file's own: compare it with the hospital's, by telephone"
    lines.append(f"  public key  {found.key_fingerprint} ({where})")
    lines += [f"  WRONG       {finding}" for finding in found.findings]
    return "\n".join(lines) + "\n"


def _inside(page: bytes) -> bytes:
    found = _EMBEDDED.findall(page)
    if len(found) != 1:
        raise NotAnExport("this page holds no evidence, or more than one")
    try:
        with gzip.GzipFile(fileobj=BytesIO(base64.b64decode(found[0], validate=True))) as packed:
            raw = packed.read(LARGEST + 1)
    except (binascii.Error, OSError, EOFError, zlib.error) as error:
        raise NotAnExport(f"the evidence is damaged: {error}") from error
    if len(raw) > LARGEST:
        raise NotAnExport(f"the evidence is larger than {LARGEST:,} bytes")
    return raw


def _checked(said: Json, proof: Json, key: Ed25519PublicKey, *, given: bool) -> Verified:
    findings: list[str] = []
    chain: dict[int, str] = {}
    stretches = objects(proof, "stretches")
    for stretch in stretches:
        chain |= _stretch(stretch, key, findings)
    facts = objects(said, "facts")
    whole = sum(_fact(fact, chain, findings) for fact in facts)
    return Verified(
        subject=text(said, "subject"),
        facts=len(facts),
        with_bytes=whole,
        stretches=len(stretches),
        key_fingerprint=fingerprint(key),
        key_given=given,
        findings=tuple(findings),
    )


def _stretch(stretch: Json, key: Ed25519PublicKey, findings: list[str]) -> dict[int, str]:
    """The hash at each position between two checkpoints, if the chain between them is what was sealed."""
    before = _checkpoint(mapping(stretch, "before")) if stretch.get("before") is not None else None
    after = _checkpoint(mapping(stretch, "checkpoint"))
    for checkpoint in filter(None, (before, after)):
        if not _signed_by(checkpoint, key):
            findings.append(f"checkpoint {checkpoint.position}: the signature is not of this key over what it says")
    positions, hashes = _positions(stretch), base64.b64decode(text(stretch, "hashes"), validate=True)
    if len(hashes) != 32 * len(positions):
        raise Malformed("a stretch has not one hash for each position")
    head = bytes.fromhex(before.head) if before else bytes(32)
    found: dict[int, str] = {}
    for index, position in enumerate(positions):
        digest = hashes[32 * index : 32 * index + 32]
        head = hashlib.sha256(head + position.to_bytes(8, "big") + digest).digest()
        found[position] = digest.hex()
    counted = (before.events if before else 0) + len(positions)
    inside = not positions or ((before.position if before else 0) < positions[0] and positions[-1] <= after.position)
    if head.hex() != after.head or counted != after.events or not inside:
        findings.append(f"checkpoint {after.position}: what stands before it is not what was sealed")
        return {}
    return found


def _signed_by(checkpoint: Checkpoint, key: Ed25519PublicKey) -> bool:
    try:
        key.verify(bytes.fromhex(checkpoint.signature), signed(checkpoint))
    except (InvalidSignature, ValueError, OverflowError):
        return False
    return True


def _positions(stretch: Json) -> list[int]:
    spans = stretch.get("spans")
    if not isinstance(spans, list):
        raise Malformed("spans is not a list")
    positions: list[int] = []
    for span in spans:
        if not (isinstance(span, list) and len(span) == 2 and all(type(each) is int for each in span)):
            raise Malformed("a span is not two positions")
        first, last = span
        if not (positions[-1] if positions else 0) < first <= last < first + 10_000_000:
            raise Malformed("spans do not increase")
        positions += range(first, last + 1)
    return positions


def _fact(fact: Json, chain: dict[int, str], findings: list[str]) -> bool:
    """Whether the fact came with its bytes; what is wrong with it is added to the findings."""
    position, digest, body = number(fact, "position"), text(fact, "body_sha256"), text(fact, "body", "")
    if not _HASH.fullmatch(digest) or chain.get(position) != digest:
        findings.append(f"fact {position}: it does not stand in the sealed chain")
        return False
    if not body:
        return False
    if hashlib.sha256(body.encode()).hexdigest() != digest:
        findings.append(f"fact {position}: its bytes are not those that were sealed")
        return False
    findings += _told(position, fact, decode(body.encode()))
    return True


def _told(position: int, fact: Json, event: Json) -> list[str]:
    """What the evidence says of a fact beside its bytes must be what the bytes say."""
    data = mapping(event, "data")
    pairs = [
        ("kind", text(fact, "kind"), text(event, "kind")),
        ("source", text(fact, "source"), text(event, "source")),
        ("once", text(fact, "once"), text(event, "once")),
        ("type", text(fact, "type"), text(data, "type")),
        ("raw_sha256", text(fact, "raw_sha256", ""), text(event, "blob", "")),
        ("at", text(fact, "at"), text(event, "at")),
    ]
    wrong = [
        f"fact {position}: its {name} is told as {said!r} and was sealed as {was!r}" for name, said, was in pairs if said != was
    ]
    if not fact.get("withheld") and mapping(fact, "document") != data:
        wrong.append(f"fact {position}: its document is told otherwise than it was sealed")
    return wrong


def _checkpoint(said: Json) -> Checkpoint:
    return Checkpoint(
        position=number(said, "position"),
        events=number(said, "events"),
        head=text(said, "head"),
        at=text(said, "at"),
        signature=text(said, "signature"),
    )
