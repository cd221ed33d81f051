"""The character set of a message is what MSH-18 declares (HL7 table 0211), checked against the bytes."""

from __future__ import annotations

import codecs
import re

from suture.model import Finding

#: Table 0211 as names of codecs; several repetitions in MSH-18 mean ISO 2022 switching, as used in Japan.
CODECS = {
    "": "",
    "ASCII": "ascii",
    "ISO IR6": "ascii",
    **{f"8859/{part}": f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
    "ISO IR14": "iso2022_jp_ext",
    "ISO IR87": "iso2022_jp_ext",
    "ISO IR159": "iso2022_jp_ext",
    "JIS X 0202": "iso2022_jp_ext",
    "GB 18030-2000": "gb18030",
    "KS X 1001": "euc_kr",
    "BIG-5": "big5",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    "ISO-8859-1": "iso8859-1",
}

_MSH = re.compile(rb"(?:\A|[\r\n]|\xef\xbb\xbf)MSH([^\w\s])([^\r\n]*)")
_BOM = b"\xef\xbb\xbf"


def decode(raw: bytes, charset: str) -> tuple[str, str, tuple[Finding, ...]]:
    """The text, the codec that gives the same bytes back, and a warning where the declaration is unknown or untrue."""
    declared = _declared(raw)
    named = next((CODECS[name] for name in reversed(declared) if CODECS.get(name)), "")
    unknown = not all(name in CODECS for name in declared)
    findings = (_warning("MSH-18 names a character set that is not in table 0211"),) if unknown else ()
    first = "utf-8" if raw.startswith(_BOM) else named or _known(charset)
    for codec in (first, "utf-8"):
        text = _exact(raw, codec)
        if text is not None:
            return text, codec, findings if codec == first else (*findings, _untrue(first, codec))
    return raw.decode("iso8859-1"), "iso8859-1", (*findings, _untrue(first, "iso8859-1"))


def _declared(raw: bytes) -> list[str]:
    match = _MSH.search(raw[:4096])
    if match is None:
        return []
    fields = match[2].split(match[1], 18)
    if len(fields) <= 16 or not fields[16]:
        return []
    value = fields[16].decode("ascii", "replace")
    repeat = match[2][1:2].decode("ascii", "replace")
    return [name.strip().upper() for name in value.split(repeat or "~")]


def _known(charset: str) -> str:
    try:
        return codecs.lookup(charset).name
    except LookupError:
        return "utf-8"


def _exact(raw: bytes, codec: str) -> str | None:
    """The text if ``codec`` can read the bytes and write the very same ones again."""
    try:
        text = raw.decode(codec)
        return text if codec in ("utf-8", "ascii") or text.encode(codec) == raw else None
    except ValueError:
        return None


def _untrue(declared: str, used: str) -> Finding:
    return _warning(f"the bytes are not {declared}; they were read as {used}")


def _warning(text: str) -> Finding:
    return Finding(code="charset", path="MSH-18", text=text, severity="warning")
