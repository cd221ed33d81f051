"""XML from strangers: nothing is expanded, fetched, or grown without bound."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from lxml import etree

from suture.formats import LARGEST_MESSAGE
from suture.formats.xml import MOST_NODES, parse
from suture.model import Finding


def refusal(raw: bytes) -> str:
    found = parse(raw)
    assert isinstance(found, Finding)
    return found.code


def test_well_formed_xml_is_an_element() -> None:
    root = parse(b'\xef\xbb\xbf<?xml version="1.0" encoding="UTF-8"?>\n<!-- a --><a x="1"><?pi?><b>\xc3\xa9</b></a>\n')
    assert isinstance(root, etree._Element)
    assert [child.text for child in root] == ["é"]


def test_a_bomb_of_entities_does_not_go_off() -> None:
    entities = "".join(f'<!ENTITY e{level} "{f"&e{level - 1};" * 10}">' for level in range(1, 12))
    bomb = f'<!DOCTYPE a [<!ENTITY e0 "ha">{entities}]><a>&e11;</a>'.encode()
    started = time.perf_counter()
    assert refusal(bomb) == "xml.doctype"
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    "declared",
    [
        b"<!DOCTYPE a>",
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd">',
        b'<!DOCTYPE a [<!ENTITY x "y">]>',
        b'<!DOCTYPE a [<!ENTITY % p SYSTEM "file:///etc/hostname">%p;]>',
    ],
)
def test_a_document_type_is_refused(declared: bytes) -> None:
    assert refusal(b'<?xml version="1.0"?>' + declared + b"<a/>") == "xml.doctype"


def test_a_file_is_never_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("42")
    for encoding in ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-7", "cp037"):
        text = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE a [<!ENTITY x SYSTEM "{secret.as_uri()}">]><a>&x;</a>'
        assert refusal(text.encode(encoding)) in ("xml.doctype", "xml.charset", "xml.syntax")


def test_an_undeclared_entity_is_a_syntax_error() -> None:
    assert refusal(b"<a>&x;</a>") == "xml.syntax"


@pytest.mark.parametrize(
    "raw", [b"", b"  ", b"<a>", b"</a>", b"<a></b>", b"<a/><b/>", b"<a>\xff</a>", b"<a>\x00</a>", b"plain", b"<a b=c/>"]
)
def test_what_is_not_well_formed_is_refused(raw: bytes) -> None:
    assert refusal(raw) == "xml.syntax"


def test_a_finding_quotes_nothing() -> None:
    found = parse(b"<a><iban>CH9300762011623852957</iban></b>")
    assert isinstance(found, Finding)
    assert "CH93" not in found.text
    assert "line 1" in found.text


def test_depth_is_limited() -> None:
    assert refusal(b"<a>" * 100_000 + b"</a>" * 100_000) == "xml.syntax"
    assert isinstance(parse(b"<a>" * 100 + b"</a>" * 100), etree._Element)


def test_size_and_number_of_nodes_are_limited() -> None:
    assert refusal(b"<a>" + b"x" * LARGEST_MESSAGE + b"</a>") == "xml.size"
    assert refusal(b"<a>" + b"<b/>" * MOST_NODES + b"</a>") == "xml.limit"
    many = b" ".join(b'x%d="1"' % number for number in range(100_000))
    started = time.perf_counter()
    parse(b"<a " + many + b"/>")
    assert time.perf_counter() - started < 5
