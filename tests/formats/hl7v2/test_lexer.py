"""The lexer: nothing is lost, everything can be addressed. Numbers in names are the HL7 v2 pitfalls that they cover."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suture.formats.hl7v2 import NULL, Delimiters, Message, escape, lex, parse_path, unescape
from suture.formats.hl7v2.lexer import PARTS_MAX, SEGMENTS_MAX
from tests.formats.hl7v2.theatre import EVN, FT1, MSH, PID, PV1, dft, lines

USUAL = Delimiters("|", "^", "~", "\\", "&")


def one(raw: bytes, charset: str = "utf-8") -> Message:
    (message,) = lex(raw, charset).messages
    return message


# Delimiters


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("|^~\\&|", ("|", "^", "~", "\\", "&", "")),
        ("|^~\\&#|", ("|", "^", "~", "\\", "&", "#")),
        ("|^~\\|", ("|", "^", "~", "\\", "", "")),
        ("|^~|", ("|", "^", "~", "", "", "")),
        ("#*+!@#", ("#", "*", "+", "!", "@", "")),
    ],
)
def test_delimiters_come_from_the_header_1(declared: str, expected: tuple[str, ...]) -> None:
    message = one(f"MSH{declared}A\r".encode())
    found = message.delimiters
    assert (found.field, found.component, found.repetition, found.escape, found.subcomponent, found.truncation) == expected
    assert message.declared
    assert found.encoding == "".join(expected[1:])
    assert message.get("MSH-1") == expected[0]
    assert message.get("MSH-2") == found.encoding
    assert message.get("MSH-3") == "A"


@pytest.mark.parametrize("declared", ["|", "|^|", "|^^\\&|", "|^~\\\\&|", "|abcd|", "|^~\\&#!|", "|^~ &|", "|^|\r"])
def test_an_encoding_that_tells_nothing_apart_is_noticed_1(declared: str) -> None:
    message = one(f"MSH{declared}A".encode())
    assert not message.declared
    assert str(message).encode() == f"MSH{declared}A".encode()


def test_msh_is_numbered_from_its_separator_1() -> None:
    message = one(dft(FT1))
    assert message.get("MSH-9.2") == "P03"
    assert message.text("MSH-10") == "C1001"
    assert message.get("PID-1") == "1"


def test_other_delimiters_split_as_the_usual_ones_do_1() -> None:
    message = one(b"MSH#*+!@#OR\rPID#1##A*B+C*D@E#X!T!Y\r")
    assert message.get("PID-3[2].2.2") == "E"
    assert message.text("PID-4") == "X@Y"


def test_without_a_subcomponent_delimiter_a_component_is_whole_1() -> None:
    message = one(b"MSH|^~\\|OR\rPID|1||A&B^C\r")
    assert message.get("PID-3.1.1") == "A&B"
    assert message.get("PID-3.1.2") is None


# Segments


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\r\n", "\n\n", "\r\n  \r\n"])
def test_any_line_end_ends_a_segment_2(end: str) -> None:
    raw = lines(MSH, EVN, PID, PV1, FT1, end=end)
    lexed = lex(raw)
    assert [segment.name for segment in lexed.messages[0].segments] == ["MSH", "EVN", "PID", "PV1", "FT1"]
    assert lexed.messages[0].text("FT1-10") == "1"
    assert lexed.to_bytes() == raw


@pytest.mark.parametrize("lead", ["\ufeff", "\r\n", "\x0b", "  ", "\ufeff\r\n"])
def test_a_byte_order_mark_or_blanks_before_the_header_2(lead: str) -> None:
    raw = lead.encode() + dft(FT1)
    lexed = lex(raw)
    assert lexed.messages[0].text("MSH-10") == "C1001"
    assert lexed.to_bytes() == raw


def test_trailing_blanks_stay_2() -> None:
    raw = b"MSH|^~\\&|A \rPID|1|x  \r \r\n"
    assert lex(raw).to_bytes() == raw
    assert one(raw).get("PID-2") == "x  "
    assert one(raw).text("PID-2") == "x"


def test_a_line_that_begins_like_no_segment_belongs_to_the_one_before_2() -> None:
    raw = b"MSH|^~\\&|A\rOBX|1|TX|||first line\nsecond | line\rNTE|1\r"
    message = one(raw)
    assert [segment.name for segment in message.segments] == ["MSH", "OBX", "NTE"]
    assert message.get("OBX-5") == "first line\nsecond "
    assert [segment.broken_at >= 0 for segment in message.segments] == [False, True, False]
    assert lex(raw).to_bytes() == raw


def test_a_segment_without_fields_is_a_segment() -> None:
    assert [segment.name for segment in one(b"MSH|^~\\&\rEVN\rPID|1\rZZZ").segments] == ["MSH", "EVN", "PID", "ZZZ"]


def test_unknown_and_local_segments_stay_in_place_8() -> None:
    raw = dft(FT1, "ZIM|1|a^b|c", "XYZ|1", "PR1|1", "FT1|2", "ZIM|2")
    assert [segment.name for segment in one(raw).segments][4:] == ["FT1", "ZIM", "XYZ", "PR1", "FT1", "ZIM"]
    assert one(raw).get("ZIM[2]-1") == "2"
    assert lex(raw).to_bytes() == raw


def test_messages_of_a_file_have_their_own_delimiters_14() -> None:
    raw = b"FHS|^~\\&|A\rBHS|^~\\&|A\rMSH|^~\\&|A\rPID|1|x^y\rMSH#*+!@#B\rPID#2#x*y\rBTS|2\rFTS|1\r"
    lexed = lex(raw)
    assert [message.name for message in lexed.messages] == ["FHS", "BHS", "MSH", "MSH", "BTS", "FTS"]
    assert [message.get("PID-2.2") for message in lexed.messages[2:4]] == ["y", "y"]
    assert lexed.to_bytes() == raw


def test_limits_hold_the_rest_together() -> None:
    many = one(b"MSH|^~\\&|A\r" + b"ZZZ|1\r" * (SEGMENTS_MAX + 50))
    assert len(many.segments) == SEGMENTS_MAX + 1
    assert str(many).count("ZZZ") == SEGMENTS_MAX + 50
    wide = one(b"MSH|^~\\&|A\rZZZ" + b"|x" * (PARTS_MAX + 50))
    assert len(wide.all("ZZZ")[0].fields) == PARTS_MAX + 1
    assert str(wide).count("|x") == PARTS_MAX + 50


# Values


def test_absent_empty_and_deleted_are_three_things_3() -> None:
    message = one(b'MSH|^~\\&|A\rPID|1||""|x^^y\r')
    assert message.get("PID-2") == ""
    assert message.get("PID-3") == NULL
    assert message.get("PID-4.2") == ""
    assert message.get("PID-4.4") is None
    assert message.get("PID-5") is None, "trailing empties may be dropped by the other side"
    assert message.get("PV1-2") is None
    assert [message.text(path) for path in ("PID-2", "PID-3", "PID-4.2", "PID-5", "PV1-2")] == [""] * 5


def test_a_shallow_value_is_its_own_first_part() -> None:
    message = one(b"MSH|^~\\&|A\rPID|1||4711\r")
    assert message.get("PID-3.1.1") == "4711"
    assert message.get("PID-3[1].2") is None
    assert message.get("PID-3[2]") is None


def test_a_path_reaches_every_depth_6() -> None:
    message = one(b"MSH|^~\\&|A\rPID|1||1^^^NORTH&2.16.1&ISO^MR~2^^^USA^SS\rPID|2\r")
    assert message.get("PID-3[1].4.2") == "2.16.1"
    assert message.get("PID-3.4") == "NORTH&2.16.1&ISO"
    assert message.get("PID-3[2].5") == "SS"
    assert message.text("PID-3[2]") == "2"
    assert message.get("PID[2]") == "PID|2"
    assert message.get("PID[3]-1") is None
    assert message.all("PID")[0].texts(3, 4) == ["NORTH", "USA"]


@pytest.mark.parametrize(
    "text", ["", "pid-3", "PID-0", "PID-3[0]", "PID-3.", "PID-3.1.1.1", "PID[1", "PIDX-1", "PID-3[2", "P D-3", "PID-9999"]
)
def test_what_is_no_path(text: str) -> None:
    with pytest.raises(ValueError, match=r"HL7"):
        parse_path(text)


@pytest.mark.parametrize("text", ["PID", "PID-3", "FT1[3]-7.1", "PID-3[2].4.1", "OBX[12]-5[3]"])
def test_a_path_says_itself(text: str) -> None:
    assert str(parse_path(text)) == text


def test_setting_changes_one_value_and_no_other_byte() -> None:
    raw = dft(FT1)
    message = one(raw)
    message.set("FT1-10", "2")
    message.set("PID-3[2].1", "X|Y")
    message.set("PV1-30", "far")
    expected = raw.replace(b"|||1\r", b"|||2\r").replace(b"^MR|", b"^MR~X\\F\\Y|").replace(b"^VN\r", b"^VN|||||||||||far\r")
    assert str(message).encode() == expected
    message.set("PID-4", NULL)
    assert message.get("PID-4") == NULL


@pytest.mark.parametrize("path", ["PR1-1", "PID", "MSH-1", "MSH-2", "PID[2]-1"])
def test_what_is_not_there_cannot_be_set(path: str) -> None:
    with pytest.raises(ValueError, match=r"set"):
        one(dft(FT1)).set(path, "x")


def test_a_header_keeps_its_separator_when_set() -> None:
    message = one(dft(FT1))
    message.set("MSH-10", "NEW")
    assert str(message).startswith("MSH|^~\\&|OR|NORTH|SUTURE|GROUP|20260302101500-0500||DFT^P03^DFT_P03|NEW|P|2.8\r")


# Escapes


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f", "a|b^c&d~e\\f"),
        ("\\E\\F\\", "\\F\\"),
        ("\\E\\\\F\\", "\\|"),
        ("C:\\", "C:\\"),
        ("50\\% off", "50\\% off"),
        ("one\\.br\\two", "one\ntwo"),
        ("\\X0D0A\\", "\r\n"),
        ("\\XC3A4\\", "ä"),
        ("\\X\\", "\\X\\"),
        ("\\X0\\", "\\X0\\"),
        ("\\XZZ\\", "\\XZZ\\"),
        ("\\XFF\\", "\\XFF\\"),
        ("\\H\\bold\\N\\", "\\H\\bold\\N\\"),
        ("\\.sp2\\\\Zabc\\\\C2842\\", "\\.sp2\\\\Zabc\\\\C2842\\"),
        ("\\f\\", "\\f\\"),
        ("", ""),
    ],
)
def test_escapes_4(raw: str, said: str) -> None:
    assert unescape(raw, USUAL) == said


def test_forwarding_escapes_nothing_twice_4() -> None:
    raw = dft(FT1, "NTE|1||\\X0D0A\\ \\.br\\ \\Zmine\\ \\T\\ \\E\\F\\ open \\")
    message = one(raw)
    assert message.text("NTE-3") == "\r\n \n \\Zmine\\ & \\F\\ open \\".strip()
    assert lex(raw).to_bytes() == raw


def test_truncation_has_a_letter_of_its_own() -> None:
    five = Delimiters("|", "^", "~", "\\", "&", "#")
    assert escape("a#b", five) == "a\\P\\b"
    assert unescape("a\\P\\b", five) == "a#b"


def test_without_an_escape_character_a_delimiter_cannot_be_said_1() -> None:
    bare = Delimiters("|", "^", "~", "", "")
    assert escape("plain \\ text", bare) == "plain \\ text"
    assert unescape("\\F\\", bare) == "\\F\\"
    with pytest.raises(ValueError, match="declares no escape"):
        escape("a|b", bare)


@given(st.text(), st.sampled_from([USUAL, Delimiters("|", "^", "~", "\\", "&", "#"), Delimiters("#", "*", "+", "!", "@")]))
def test_whatever_is_escaped_is_said_again_4(text: str, delimiters: Delimiters) -> None:
    raw = escape(text, delimiters)
    assert unescape(raw, delimiters) == text
    assert not set(raw) & set(delimiters.field + delimiters.component + delimiters.repetition + delimiters.subcomponent)
    assert not any(letter < " " for letter in raw)


def test_repetitions_and_an_attachment_over_64_kib_4() -> None:
    attachment = "QUJD" * 40_000
    raw = dft(FT1, f"OBX|1|ED|||^^PDF^Base64^{attachment}~second")
    message = one(raw)
    assert message.get("OBX-5[1].5") == attachment
    assert message.get("OBX-5[2]") == "second"
    assert lex(raw).to_bytes() == raw


# Character sets


@pytest.mark.parametrize(
    ("named", "codec", "text"),
    [
        ("8859/1", "latin-1", "Zoë Müller"),
        ("8859/15", "iso8859-15", "5 €"),
        ("UNICODE UTF-8", "utf-8", "Zoë 山田"),
        ("", "utf-8", "Zoë"),
        ("~ISO IR87", "iso2022_jp", "山田"),
        ("GB 18030-2000", "gb18030", "山田"),
        ("KS X 1001", "euc_kr", "홍길동"),
        ("BIG-5", "big5", "山田"),
    ],
)
def test_msh_18_names_the_character_set_5(named: str, codec: str, text: str) -> None:
    raw = f"MSH|^~\\&|A||||||||||||||||{named}\rPID|1||{text}^x\r".replace("|A||||||||||||||||", "|A|||||||||||||||").encode(
        codec
    )
    lexed = lex(raw)
    assert lexed.messages[0].get("MSH-18") == named
    assert lexed.messages[0].get("PID-3.1") == text
    assert lexed.messages[0].get("PID-3.2") == "x", "a byte of a wide letter is no delimiter"
    assert lexed.findings == ()
    assert lexed.to_bytes() == raw


def test_the_profile_says_it_where_msh_18_does_not_5() -> None:
    raw = b"MSH|^~\\&|A\rPID|1||Zo\xeb\r"
    assert lex(raw, "latin-1").messages[0].get("PID-3") == "Zoë"
    assert lex(raw, "latin-1").findings == ()


@pytest.mark.parametrize(("named", "bad"), [("UNICODE UTF-8", b"Zo\xeb"), ("ASCII", "Zoë".encode()), ("", b"Zo\xeb")])
def test_bytes_that_are_not_what_msh_18_says_are_kept_with_a_warning_5(named: str, bad: bytes) -> None:
    raw = f"MSH|^~\\&|A|||||||||||||||{named}\rPID|1||".encode() + bad + b"^x\r"
    lexed = lex(raw)
    assert [(finding.code, finding.path, finding.severity) for finding in lexed.findings] == [("charset", "MSH-18", "warning")]
    assert lexed.messages[0].get("PID-3.1") == "Zoë"
    assert lexed.to_bytes() == raw


def test_an_unknown_character_set_is_a_warning_5() -> None:
    lexed = lex(b"MSH|^~\\&|A|||||||||||||||KLINGON\rPID|1\r")
    assert [finding.code for finding in lexed.findings] == ["charset"]


def test_an_unknown_character_set_of_the_profile_is_utf_8() -> None:
    assert lex("MSH|^~\\&|ë".encode(), "klingon").messages[0].get("MSH-3") == "ë"


# Anything


@given(st.binary(max_size=300))
def test_any_bytes_come_back(raw: bytes) -> None:
    for data in (raw, b"MSH|^~\\&|" + raw, b"\xef\xbb\xbfMSH|^~\\&|A\r" + raw):
        lexed = lex(data)
        for message in lexed.messages:
            for segment in message.segments:
                assert segment.fields
        assert lexed.to_bytes() == data


@given(st.text(st.sampled_from("MSHPIDBTF|^~\\&#\r\n \x0b1")))
def test_any_mixture_of_marks_comes_back(text: str) -> None:
    raw = b"MSH|^~\\&|A\r" + text.encode()
    lexed = lex(raw)
    assert [segment for message in lexed.messages for segment in message.segments]
    assert lexed.to_bytes() == raw
