"""Hostile messages: as large as allowed and made to cost, since their parsers must stay in proportion to what they are given."""

from __future__ import annotations

from collections.abc import Iterator

_X12 = (
    b"ISA*00*          *00*          *ZZ*PARTNER        *ZZ*SUTURE         *260302*0930*U*00401*000000001*0*P*>~"
    b"GS*PO*PARTNER*SUTURE*20260302*0930*1*X*004010~"
)
_HL7 = (
    b"MSH|^~\\&|EHR|NSH|SUTURE|NSH|20260302093000||DFT^P03|M1|P|2.5.1\rEVN|P03|20260302093000\r"
    b"PID|1||P1^^^N^MR\rPV1|1|I|OR-1||||||||||||||||V1\r"
)
_FT1 = b"FT1|1|T1||20260302||CG|A^B|||1||||||OR-1\r"
_ISO = b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:%b"><%b>'
_ITEM = b'{"type":"Item","id":"A","name":"B","unit":"EA"'
_ENTITIES = b"".join(b'<!ENTITY e%d "%b">' % (n, b"&e%d;" % (n - 1) * 10 if n else b"ha" * 50) for n in range(12))


def hostile(name: str, size: int) -> Iterator[bytes]:
    """What a stranger would send to the parser of this name, each about ``size`` bytes; every parser gets the plain ones."""
    for unit in (b"\0", b"\r\n", b" ", b"A", b"\xff", b'"', b"*~", b"|^", b"<a>", b"[", b"{", b"1,", "\u4e00".encode()):
        yield _filled(unit, size)
    yield from {"x12": _x12, "hl7v2": _hl7v2, "iso20022": _iso20022, "xml": _xml, "json": _json, "csv": _csv, "mllp": _mllp}.get(
        name, _nothing
    )(size)


def _nothing(size: int) -> Iterator[bytes]:
    yield from ()


def _filled(unit: bytes, size: int, head: bytes = b"", tail: bytes = b"") -> bytes:
    return head + unit * max(1, (size - len(head) - len(tail)) // len(unit)) + tail


def _x12(size: int) -> Iterator[bytes]:
    order = _X12 + b"ST*850*0001~BEG*00*SA*PO-1**20260302~"
    tail = b"SE*9*0001~GE*1*1~IEA*1*000000001~"
    for unit in (
        b"PO1*1*1*EA*1**IN*X~",
        b"PO1*A*B*C*D*E*F~",
        b"N1*ST**92*D~",
        b"ZZZ~",
        b"~",
        b"*",
        b"REF*DP*" + b"9" * 80 + b"~",
    ):
        yield _filled(unit, size, order, tail)
    for unit in (
        b"GS*PO~",
        b"ST*850*1~",
        b"TA1*000000001*260302*0930*A*000~",
        _X12,
        b"ISA*",
        b"SE*1*1~",
        b"GE*1*1~",
        b"IEA*1*1~",
    ):
        yield _filled(unit, size, _X12)
    yield _filled(b"9", size, _X12 + b"ST*810*0001~BIG*20260302*I~TDS*", b"~" + tail)
    ship = _X12 + b"ST*856*0001~BSN*00*S1*20260101*1200~HL*1**S~"
    levels = size // 16
    yield ship + b"".join(b"HL*%d*%d*P~" % (n, n - 1) for n in range(2, levels)) + tail
    yield ship + b"MAN*GM*1~" * (size // 30) + b"".join(b"HL*%d*1*I~LIN*1*IN*X~SN1**1*EA~" % n for n in range(2, size // 50))
    yield _filled(b"?", size, _X12 + b"ISX*?~")
    yield _filled(b"AK2*850*1~AK5*A~", size, _X12.replace(b"GS*PO", b"GS*FA") + b"ST*997*0001~AK1*PO*1~", tail)


def _hl7v2(size: int) -> Iterator[bytes]:
    for unit in (
        _FT1,
        b"PRT|1\r",
        b"ZZZ|1\r",
        b"\r",
        b"\r x",
        b"|",
        b"^",
        b"~",
        b"&",
        b"\\X41\\",
        b"\\",
        b"MSH|^~\\&\r",
        _HL7 + _FT1,
    ):
        yield _filled(unit, size, _HL7 + _FT1)
    yield _filled(b"1^^^N^MR~", size, _HL7.partition(b"PID")[0] + b"PID|1||", b"\rPV1|1|I|OR\r" + _FT1)
    yield _HL7 + b"PID|1||" + b"~".join(b"%07d^^^N^MR" % n for n in range(size // 16)) + b"\r" + _FT1
    yield _HL7 + b"PID|1||X||" + b"~".join(b"N%06dX^Y" % n for n in range(size // 12)) + b"\r" + _FT1 * 20
    yield _filled(b"BHS|^~\\&\rBTS|1\r", size)
    yield _filled(b"\x1b$B", size, _HL7.replace(b"|2.5.1", b"|2.5.1||||||ISO IR87") + b"NTE|1||")


def _iso20022(size: int) -> Iterator[bytes]:
    for kind, root in ((b"pain.002.001.10", b"CstmrPmtStsRpt"), (b"camt.054.001.08", b"BkToCstmrDbtCdtNtfctn")):
        head, tail = _ISO % (kind, root), b"</%b></Document>" % root
        for unit in (b"<GrpHdr/>", b"<OrgnlPmtInfAndSts><TxInfAndSts/></OrgnlPmtInfAndSts>", b"<Ntfctn><Ntry/></Ntfctn>"):
            yield _filled(unit, size, head, tail)
        yield _filled(
            b"<Ntry><Amt Ccy='CHF'>1</Amt><NtryDtls><TxDtls/></NtryDtls></Ntry>", size, head + b"<Ntfctn>", b"</Ntfctn>" + tail
        )
        yield _filled(b"9", size, head + b"<GrpHdr><MsgId>", b"</MsgId></GrpHdr>" + tail)
    head, tail = _ISO % (b"pain.001.001.09", b"CstmrCdtTrfInitn"), b"</CstmrCdtTrfInitn></Document>"
    yield _filled(b"<CdtTrfTxInf><PmtId/></CdtTrfTxInf>", size, head + b"<PmtInf>", b"</PmtInf>" + tail)
    yield _filled(b"9", size, head + b"<GrpHdr><NbOfTxs>", b"</NbOfTxs></GrpHdr>" + tail)
    yield from _xml(size)


def _xml(size: int) -> Iterator[bytes]:
    yield b"<!DOCTYPE d [" + _ENTITIES + b"]><d>&e11;</d>"
    yield _filled(b"&e0;", size, b'<!DOCTYPE d [<!ENTITY e0 "' + b"ha" * 1000 + b'">]><d>', b"</d>")
    for where in (b"file:///etc/passwd", b"http://127.0.0.1:9/x", b"jar:file:///x!/y"):
        yield b'<!DOCTYPE d [<!ENTITY x SYSTEM "%b">]><d>&x;</d>' % where
        yield b'<!DOCTYPE d SYSTEM "%b"><d/>' % where
        yield b'<!DOCTYPE d [<!ENTITY %% p SYSTEM "%b">%%p;]><d/>' % where
        yield b'<d xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="%b" parse="text"/></d>' % where
    yield b'<?xml version="1.0" encoding="UTF-7"?>+ADw-+ACE-DOCTYPE d [+ADw-+ACE-ENTITY x SYSTEM +ACI-file:///etc/passwd+ACI-+AD4-]+AD4-'
    yield '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE d [<!ENTITY x "y">]><d>&x;</d>'.encode("utf-16")
    for unit in (b"<a/>", b"<a>", b" a='1'", b"&amp;", b"&#65;", b"<!---->", b"<?p?>", b"<![CDATA[]]>", b"<a xmlns='u'/>", b"x "):
        yield _filled(unit, size, b"<d>" if unit != b" a='1'" else b"<d", b"</d>")
    yield _filled(b"a", size, b"<", b"/>")
    yield b"<d " + b" ".join(b"a%d='1'" % n for n in range(size // 12)) + b"/>"
    yield b"<d " + b" ".join(b"xmlns:a%d='u%d'" % (n, n) for n in range(size // 24)) + b"/>"


def _json(size: int) -> Iterator[bytes]:
    for unit in (b"[", b'{"a":', b'{"documents":[', b"[[],"):
        yield _filled(unit, size)
    for unit in (b"1,", b"1.5,", b'"",', b"[],", b"{},", b'{"type":"Item"},', b"null,", b"9e9,", _ITEM + b"},"):
        yield _filled(unit, size, b'{"documents":[', b"1]}")
        yield _filled(unit, size, b"[", b"1]")
    for unit in (_ITEM + b"}\n", b"{}\n", b"{\n", b"{}x\n", b"\n"):
        yield _filled(unit, size, _ITEM + b"}\n")
    yield _ITEM + b"," + b",".join(b'"k%d":1' % n for n in range(size // 12)) + b"}"
    yield _filled(b'"k":1,', size, _ITEM + b",", b'"k":1}')
    yield _filled(b'{"unit":"BX","factor":"36"},', size, _ITEM + b',"packs":[', b'{"unit":"BX","factor":"36"}]}')
    for unit in (b"9", b"0", b"1e9", b"\\u0000", b"\\ud800", b"\\\\", b"x"):
        yield _filled(
            unit, size, _ITEM + b',"gtin":' + (b'"' if unit[:1] in b"\\x" else b""), (b'"' if unit[:1] in b"\\x" else b"") + b"}"
        )
        yield _filled(unit, size, b'{"type":"Policy","id":"P","values":{"a":"', b'"}}')


def _csv(size: int) -> Iterator[bytes]:
    head = b"item,name,unit,gtin\n"
    for unit in (b"I,N,EA,\n", b",", b"\n", b'"', b'"",', b'"a"b,', b",,,\n", b'"\n', b"'=", b'="1",', b"\r", b" "):
        yield _filled(unit, size, head)
        yield _filled(unit, size)
    yield head + b"".join(b"I%d,N,EA,\n" % n for n in range(size // 12))
    yield b",".join(b"c%d" % n for n in range(size // 8)) + b"\n"
    yield b",".join(b"c%d" % n for n in range(size // 16)) + b"\n" + b"," * (size // 2)
    yield head + b"I," + b"9" * size + b",EA,\n"


def _mllp(size: int) -> Iterator[bytes]:
    for unit in (
        b"\x0b",
        b"\x1c",
        b"\x0b\x1c\r",
        b"\x0bMSH",
        b"\x0bA\x1c",
        b"\x1c\r",
        b"\x0bMSA|AA|1\r\x1c\r",
        b"\x0bMSH|^~\\&|\x1c\x0b",
    ):
        yield _filled(unit, size)
        yield _filled(unit, size, b"\x0bMSH|^~\\&|", b"\x1c\r")
