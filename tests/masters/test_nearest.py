"""Which known terms look like an unknown one."""

from __future__ import annotations

from time import perf_counter

from hypothesis import given
from hypothesis import strategies as st

from suture.masters import Nearest


def nearest(**terms: str) -> Nearest:
    made = Nearest()
    for target, term in terms.items():
        made.add(term, target)
    return made


def test_case_punctuation_and_leading_zeros_do_not_count() -> None:
    made = nearest(a="ITM-000123", b="SUP/900")
    assert made.find("itm 123") == ("a",)
    assert made.find("sup-0900") == ("b",)


def test_the_best_comes_first_and_the_unlike_not_at_all() -> None:
    made = nearest(a="Suture, silk 2-0", b="Suture, silk 3-0", c="Suture, nylon 2-0", d="Hip stem, cementless")
    assert made.find("silk suture 2-0")[0] == "a"
    assert "d" not in made.find("silk suture 2-0")
    assert made.find("???") == ()


def test_no_more_than_asked_for_and_ties_by_name() -> None:
    made = nearest(c="x-100", a="x-100", b="x-100")
    assert made.find("x-100", 2) == ("a", "b")


def test_what_is_added_after_a_question_is_found_too() -> None:
    made = nearest(a="glove")
    assert made.find("mask") == ()
    made.add("mask", "b")
    assert made.find("mask") == ("b",)


@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=10), st.text(max_size=12))
def test_any_text_may_be_asked_and_a_known_term_finds_itself(terms: list[str], question: str) -> None:
    made = Nearest()
    for number, term in enumerate(terms):
        made.add(term, str(number))
    assert len(made.find(question, 3)) <= 3
    assert "0" in made.find(terms[0], len(terms))


def test_one_question_among_fifty_thousand_codes_is_quick() -> None:
    made = Nearest()
    for number in range(50_000):
        made.add(f"ITEM-{number:06d}", str(number))
    assert made.find("ITEM-049999")[0] == "49999"
    begin = perf_counter()
    assert made.find("ITEM-04999")[0] == "4999"
    assert perf_counter() - begin < 1.0
