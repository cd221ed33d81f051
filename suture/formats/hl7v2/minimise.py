"""Minimised bytes are a message without its patient: identifiers became pseudonyms, all else that tells who it is has gone."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator

from suture.formats.format import Profile
from suture.formats.hl7v2.charges import PLACES
from suture.formats.hl7v2.escape import Delimiters, escape, unescape
from suture.formats.hl7v2.lexer import BLANK, NULL, PARTS_MAX, Message, Segment, lex
from suture.formats.hl7v2.path import parse_path
from suture.formats.hl7v2.segments_codes import (
    IDENTIFIERS,
    IDENTIFYING,
    KNOWN,
    PID_BIRTH,
    PID_SET_ID,
    PID_SEX,
    TELLING,
)
from suture.formats.persons import ANY, withheld

#: Shorter names and identifiers would be found in every code, so they are not looked for.
_WORD_MIN, _IDENTIFIER_MIN = 3, 4
_WORDS_MAX = 500
_DAY = 8  # of a date of birth, the letters up to the day
#: Segments in which nothing is searched: the envelope has no patient in it, and PID has been settled.
_SETTLED = frozenset({"MSH", "BHS", "FHS", "BTS", "FTS", "PID"})
#: With more of the words than these in one field it is about the patient altogether; it also bounds the time.
_MANY = 64
#: A shorter word must stand alone to be found: Lee is not in a sleeve.
_ALONE = 5
#: A sub-component: segment, field, repetition, component, sub-component.
_Place = tuple[str, int, int, int, int]


def _places(part: str) -> Iterator[_Place]:
    for path in map(parse_path, PLACES[part].split()):
        for component in (1, 4) if part == "place" else (1,):
            yield (path.segment, path.field, 1, component, 1)


#: The sub-components that a usage cannot do without, and of these the ones that may hold an identifier of the patient.
_READ = {place for part in PLACES if part != "procedure_category" for place in _places(part)}
_NUMBERS = {place for part in ("id", "reverses") for place in _places(part)}
#: A line about a person that lost the line end before it.
_PERSONS = ("PID", "MRG", "NK1", "GT1", "IN1", "IN2", "IN3")
#: Where something is learned about the patient: the components that matter of a field, by segment.
_LEARNED = {name: {**IDENTIFIERS.get(name, {}), **TELLING.get(name, {})} for name in IDENTIFIERS.keys() | TELLING.keys()}
#: Of an identifier (CX) stay, besides the pseudonym: assigning authority, type, assigning facility.
_CX_KEPT = slice(3, 6)


def minimise(raw: bytes, pseudonym: Callable[[str], str], profile: Profile = ANY) -> bytes:
    """``raw`` with patient and stay known by ``pseudonym`` of their identifiers only.

    In PID, PV1 and MRG identifiers are replaced in place (their check digits go); of PID stay besides the set id, the year of
    birth and the sex. Free text (NTE-3, OBX-5, ...) and segments about relatives, guarantors and insurers are emptied. What
    told who the patient is, is then looked for in the rest: an identifier that stands alone becomes its pseudonym; a value that
    contains an identifier or a name of three letters or more is emptied, unless it is one that ``read`` needs. A segment
    broken over several lines is cut at the first break, since nobody can tell what follows. All else stays byte for byte.
    Bytes without a header segment cannot be judged: they are withheld.
    """
    lexed = lex(raw)
    if not lexed.messages:
        return withheld(raw)
    for message in lexed.messages:
        _Cleaner(message, pseudonym).clean()
    lead = "" if lexed.lead.strip(BLANK) else lexed.lead
    return (lead + "".join(map(str, lexed.messages))).encode(lexed.charset, "replace")


class _Cleaner:
    """Knows the identifiers and words that tell who the patient of one message is, and takes them out of it."""

    def __init__(self, message: Message, pseudonym: Callable[[str], str]) -> None:
        self.message = message
        self.pseudonym = pseudonym
        identifiers, words = self._learned()
        self.pseudonyms = {value: pseudonym(value) for value in sorted(identifiers)}
        #: More words than are looked for: an identifier among the others is found only where all is taken apart.
        self.too_many = len(words) > _WORDS_MAX
        longest = sorted(words, key=_longest_first)[:_WORDS_MAX] if self.too_many else words
        self.words = set(map(_folded, longest))
        self.broken = self._broken()

    def _learned(self) -> tuple[set[str], set[str]]:
        """The identifiers, and the words to look for: the longer ones of these and of what else tells who it is."""
        identifiers, words = set(), set()
        for segment in self.message.segments:
            if segment.name in _LEARNED:
                numbers = IDENTIFIERS.get(segment.name, ())
                for field, text in self._told(segment):
                    if field in numbers:
                        identifiers.add(text)
                    if len(text) >= (_IDENTIFIER_MIN if field in numbers else _WORD_MIN):
                        words.add(text)
        return identifiers, words

    def _told(self, segment: Segment) -> Iterator[tuple[int, str]]:
        """What is said where something is to be learned, with the number of its field; of a date of birth the day."""
        fields, charset = segment.fields, self.message.charset
        birth = PID_BIRTH if segment.name == "PID" else None
        for field, components in _LEARNED[segment.name].items():
            if field < len(fields) and fields[field]:
                for raw in _leaves(fields[field], components, segment.delimiters):
                    if raw and (text := segment.said(raw, charset)):
                        yield field, text[:_DAY] if field == birth else text

    def clean(self) -> None:
        """Take out by place first, then by content."""
        for segment in self.message.segments:
            if self.broken:
                _cut(segment)
            if segment.name in IDENTIFIERS:
                self._by_place(segment)
            elif segment.name in IDENTIFYING:
                _hollow(segment)
            elif segment.name not in KNOWN and segment.name[0] != "Z":
                _empty(segment)
        rest = [segment for segment in self.message.segments if segment.name not in _SETTLED]
        told = self._present("\r".join([segment.text for segment in rest]))
        for segment in rest if told else ():
            here = self._standing(segment.text, told)
            if here or self.broken or self.too_many:
                self._by_content(segment, here)

    def _broken(self) -> bool:
        """A quick look at all segments together, before each is searched: whether anything may stand in one that breaks it."""
        inside, mark = "".join([segment.text[3:] for segment in self.message.segments]), self.message.delimiters.field
        return not inside.isprintable() or any(name + mark in inside for name in _PERSONS)

    def _by_place(self, segment: Segment) -> None:
        identifiers, fields = IDENTIFIERS[segment.name], segment.fields
        fields[0] = segment.name
        for number in range(1, len(fields)) if segment.name == "PID" else (*identifiers, *IDENTIFYING.get(segment.name, ())):
            raw = fields[number] if number < len(fields) else ""
            if not raw or raw == NULL:
                continue
            if number in identifiers:
                mark = segment.delimiters.repetition
                fields[number] = mark.join([self._identifier(part, segment) for part in segment.repetitions(number)])
            else:
                fields[number] = _of_pid(raw, number) if segment.name == "PID" else ""
        segment.rewrite(segment.delimiters.field.join(fields))

    def _identifier(self, raw: str, segment: Segment) -> str:
        """A CX with a pseudonym for its number, and of the rest who assigned it and what type it has."""
        marks = segment.delimiters
        parts = raw.split(marks.component)
        said = segment.said(_split(parts[0], marks.subcomponent)[0], self.message.charset)
        first = escape(self.pseudonyms.get(said) or self.pseudonym(said), marks) if said else ""
        return marks.component.join((first, "", "", *parts[_CX_KEPT])).rstrip(marks.component)

    def _present(self, text: str) -> list[str]:
        """The words that stand somewhere in ``text``: a quick look, before anything is taken apart."""
        low = _folded(text)
        if self.message.delimiters.escape in text:
            low += _folded(unescape(text, self.message.delimiters, self.message.charset))
        return list(filter(low.__contains__, self.words))

    def _standing(self, text: str, told: list[str]) -> list[str]:
        """Those of the words that stand in a part, as far as can be seen before it is taken apart: any may be escaped."""
        return told if self.message.delimiters.escape in text else list(filter(_folded(text).__contains__, told))

    def _by_content(self, segment: Segment, told: list[str]) -> None:
        settled, fields = IDENTIFIERS.get(segment.name, ()), segment.fields
        fields[0] = segment.name
        for number, raw in enumerate(fields[1:], start=1):
            if raw and number not in settled:
                here = self._standing(raw, told)
                if here or self.too_many:
                    fields[number] = self._searched(raw, segment, number, here)
        segment.rewrite(segment.delimiters.field.join(fields))

    def _searched(self, raw: str, segment: Segment, number: int, told: list[str]) -> str:
        """The field with every sub-component looked into, and every delimiter kept."""
        marks = segment.delimiters
        repetitions = raw.split(marks.repetition)
        for r, repetition in enumerate(repetitions, start=1):
            components = repetition.split(marks.component)
            for c, component in enumerate(components, start=1):
                leaves = _split(component, marks.subcomponent)
                places = ((segment.name, number, r, c, s) for s in range(1, len(leaves) + 1))
                cleaned = (self._leaf(leaf, segment, told, place) for leaf, place in zip(leaves, places, strict=True))
                components[c - 1] = marks.subcomponent.join(cleaned)
            repetitions[r - 1] = marks.component.join(components)
        return marks.repetition.join(repetitions)

    def _leaf(self, raw: str, segment: Segment, told: list[str], place: _Place) -> str:
        if not raw or (place in _READ and place not in _NUMBERS):
            return raw
        said = segment.said(raw, self.message.charset)
        if said in self.pseudonyms and len(said) >= _IDENTIFIER_MIN:
            return escape(self.pseudonyms[said], segment.delimiters)
        return "" if place not in _READ and (_tells(raw, told) or (said != raw and _tells(said, told))) else raw


def _cut(segment: Segment) -> None:
    """Nobody can tell what follows a break; a mark remains, so that ``read`` does not trust what came before it either."""
    broken = _swallowed(segment.delimiters.field).search(segment.text, 3)
    if broken:
        segment.rewrite(segment.text[: broken.start()] + "\n?")


def _leaves(raw: str, components: tuple[int, ...], marks: Delimiters) -> list[str]:
    """The raw sub-components in those components of every repetition of a field."""
    return [
        leaf
        for repetition in raw.split(marks.repetition, PARTS_MAX)
        for parts in (repetition.split(marks.component),)
        for number in components
        if number <= len(parts)
        for leaf in _split(parts[number - 1], marks.subcomponent)
    ]


def _hollow(segment: Segment) -> None:
    """The free text goes."""
    numbers, mark = IDENTIFYING[segment.name], segment.delimiters.field
    fields = segment.text.split(mark, max(numbers) + 1)
    fields[0] = segment.name
    for number in numbers:
        if number < len(fields) and fields[number] != NULL:
            fields[number] = ""
    segment.rewrite(mark.join(fields))


def _empty(segment: Segment) -> None:
    """Nothing of the segment stays but its name and set id."""
    set_id = segment.get(1) or ""
    plain = set_id.isdecimal() and len(set_id) <= 4
    segment.rewrite(f"{segment.name}{segment.delimiters.field}{set_id}" if plain else segment.name)


def _of_pid(raw: str, number: int) -> str:
    """The set id, the year of birth and the sex, where they look like it; nothing else."""
    if number == PID_BIRTH and re.match(r"\d{4}", raw):
        return raw[:4]
    short = number == PID_SET_ID and raw.isdecimal() and len(raw) <= 4
    return raw if short or (number == PID_SEX and len(raw) == 1 and raw.isalpha()) else ""


@functools.cache
def _swallowed(mark: str) -> re.Pattern[str]:
    """Finds what cannot stand inside a segment: a control character, or the beginning of one about a person."""
    return re.compile(rf"[\x00-\x08\x0a-\x1f]|(?:{'|'.join(_PERSONS)}){re.escape(mark)}")


def _longest_first(word: str) -> tuple[int, str]:
    return -len(word), word


def _folded(text: str) -> str:
    """``text`` for comparing without regard to case; of the two letters that folding keeps apart, Turkish has four."""
    return text.casefold() if text.isascii() else text.replace("İ", "i").replace("ı", "i").casefold()


def _tells(text: str, told: list[str]) -> bool:
    """Whether any of the words stands in it; a short one only if no letter or digit stands beside it.

    Where very many stand together no closer look is taken. No pattern is made of the words: ``re`` would keep it, and with it
    the names of the last patients.
    """
    low = _folded(text)
    return len(told) > _MANY or any(word in low and (len(word) >= _ALONE or _stands_alone(word, low)) for word in told)


def _stands_alone(word: str, text: str) -> bool:
    at = text.find(word)
    while at >= 0:
        end = at + len(word)
        if not (text[at - 1 : at].isalnum() or text[end : end + 1].isalnum()):
            return True
        at = text.find(word, at + 1)
    return False


def _split(raw: str, mark: str) -> list[str]:
    return raw.split(mark) if mark else [raw]
