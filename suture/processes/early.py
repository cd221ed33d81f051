"""Answers that come before their question: after a restore a partner sends again what the original had asked for.

A question's id is a stem and its number, so that it can be told what an answer is to. Answers to questions that have not
been put yet are kept, and count when they are; everything about who may answer is checked then.
"""

from __future__ import annotations

from suture.model import Approval

#: Answers kept per object, the latest; more were never asked for.
MOST = 8


def ahead(approval: Approval, stem: str, asked: int) -> bool:
    """Whether it answers a question that has not been put yet: one with a higher number than ``asked``."""
    number = approval.request.removeprefix(stem)
    return approval.request.startswith(stem) and number.isdecimal() and len(number) < 5 and int(number) > asked


def keep(known: tuple[Approval, ...], approval: Approval) -> tuple[Approval, ...]:
    """With this answer; the same one again takes the place of the former."""
    return (*(each for each in known if each.id != approval.id), approval)[-MOST:]


def answers(known: tuple[Approval, ...], request: str) -> list[Approval]:
    """What was answered before this question was put, in the order in which it came."""
    return [each for each in known if each.request == request]
