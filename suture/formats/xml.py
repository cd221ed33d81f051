"""XML from strangers, parsed without entities, document types, network or surprise."""

from __future__ import annotations

from lxml import etree

from suture.formats.format import LARGEST_MESSAGE
from suture.model import Finding

#: Elements and attributes together; a message at the size limit made of nothing but ``<a/>`` would need gigabytes.
MOST_NODES = 1_500_000
_UTF16 = (b"\xff\xfe", b"\xfe\xff", b"<\x00", b"\x00<")


def parse(raw: bytes) -> etree._Element | Finding:
    """The root element without comments and processing instructions, or why there is none.

    A document type is refused, since entities can only be declared there: neither expansion nor external text can happen.
    Depth is limited to 256 by libxml2 itself as long as ``huge_tree`` is off. The finding quotes nothing of the content.
    """
    if len(raw) > LARGEST_MESSAGE:
        return _refused("xml.size", f"{len(raw)} bytes, more than {LARGEST_MESSAGE}")
    if raw.startswith(_UTF16):
        return _refused("xml.charset", "UTF-16 is not agreed; UTF-8 is the character set of XML")
    if raw.count(b"<") + raw.count(b"=") > MOST_NODES:
        return _refused("xml.limit", f"more than {MOST_NODES} elements and attributes")
    found = raw.find(b"<!DOCTYPE")
    if found >= 0:
        return _refused("xml.doctype", "a document type or entity declaration is not accepted", found)
    return _parsed(raw)


def _parsed(raw: bytes) -> etree._Element | Finding:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(raw.strip(), parser)
    except etree.XMLSyntaxError as error:
        return _refused("xml.syntax", f"not well-formed XML at line {error.lineno}, column {error.offset}")
    except ValueError:
        return _refused("xml.syntax", "not well-formed XML")
    if root.getroottree().docinfo.internalDTD is not None:  # an encoding that hides it from the search above
        return _refused("xml.doctype", "a document type or entity declaration is not accepted")
    return root


def _refused(code: str, text: str, offset: int = -1) -> Finding:
    return Finding(code=code, text=text, offset=offset)
