"""A usage is written as a DFT^P03 with one charge, such that reading it gives the same usage again."""

from __future__ import annotations

from datetime import datetime

from suture.formats.format import Profile, Stamp, Unwritable
from suture.formats.hl7v2.instants import format_instant
from suture.formats.hl7v2.lexer import Message
from suture.formats.hl7v2.path import parse_path
from suture.formats.hl7v2.reading import read
from suture.formats.hl7v2.segments_codes import ADJUSTMENT, CHARGE, CREDITS
from suture.model import Document, Usage

_TRANSACTIONS = {"used": CHARGE, "wasted": CHARGE, "corrected": ADJUSTMENT, "cancelled": CREDITS[0]}


def write(document: Document, profile: Profile, stamp: Stamp) -> bytes:
    """A DFT^P03 (version 2.8, UTF-8) of a Usage; raises Unwritable where reading it would not give the same usage.

    Options of the profile besides those of ``read``: ``version``, ``facility`` and ``partner_facility`` (MSH-4, MSH-6),
    ``sequence`` ("yes": the stamp's number stands in MSH-13, too), and any path into PID (``PID-5.1``), for the twin of an EHR
    that knows its patients.
    """
    if not isinstance(document, Usage):
        raise Unwritable(f"HL7 v2 carries usages, not {type(document).__name__}")
    try:
        raw = _message(document, profile, stamp)
    except ValueError as problem:
        raise Unwritable(str(problem)) from None
    again = read(raw, profile)
    if again.documents != (document,):
        reason = "; ".join(map(str, again.errors)) or "a part of it has no place in a DFT^P03"
        raise Unwritable(f"the usage would not be read as it is: {reason}")
    return raw


def _message(usage: Usage, profile: Profile, stamp: Stamp) -> bytes:
    segments = ["MSH|^~\\&|", "EVN|P03", "PID|1", "PV1|1|I", "FT1|1"]
    segments += ["PR1|1"] if usage.procedure_category else []
    segments += ["PRT|1|AD||EQUIP^Equipment^HL70912"] if usage.lot or usage.serial else []
    message = Message("\r".join([*segments, "ZFT\r"]))
    identity = {path: text for path, text in profile.options.items() if path.startswith("PID-")}
    for path, text in {**_head(profile, stamp), **identity, **_subject(usage, profile), **_charge(usage, profile)}.items():
        if text:
            at = parse_path(path)
            message.set(path if at.component else f"{path}.1", text)
    return str(message).removesuffix("ZFT\r").encode()


def _head(profile: Profile, stamp: Stamp) -> dict[str, str]:
    now = format_instant(datetime.fromisoformat(stamp.at).replace(microsecond=0))
    return {
        "MSH-3": profile.us,
        "MSH-4": profile.options.get("facility", ""),
        "MSH-5": profile.partner,
        "MSH-6": profile.options.get("partner_facility", ""),
        "MSH-7": now,
        "MSH-9.1": "DFT",
        "MSH-9.2": "P03",
        "MSH-9.3": "DFT_P03",
        "MSH-10": str(stamp.number),
        "MSH-11": profile.options.get("processing", "P").split()[0],
        "MSH-12": profile.options.get("version", "2.8"),
        "MSH-13": str(stamp.number) if profile.options.get("sequence") == "yes" else "",
        "MSH-18": "UNICODE UTF-8",
        "EVN-2": now,
    }


def _subject(usage: Usage, profile: Profile) -> dict[str, str]:
    return {
        "PID-3.1": usage.patient,
        "PID-3.4": profile.options.get("patient_assigner", ""),
        "PID-3.5": profile.options.get("patient_type", "MR"),
        "PV1-19.1": usage.encounter,
        "PV1-19.5": "VN",
    }


def _charge(usage: Usage, profile: Profile) -> dict[str, str]:
    facility, _, point = usage.place.partition("/")
    both = bool(facility and point)
    repeats = usage.id == f"{usage.reverses}/{usage.kind}"
    modifiers = profile.options.get("waste_modifiers", "JW").split()
    return {
        "FT1-2": usage.reverses if repeats else usage.id,
        "FT1-4": format_instant(usage.used_at),
        "FT1-6": _TRANSACTIONS[usage.kind],
        "FT1-7": usage.item,
        "FT1-10": f"{usage.quantity.value:f}",
        "FT1-13": usage.cost_center,
        "FT1-16.1": point if both else usage.place,
        "FT1-16.4": facility if both else "",
        "FT1-25": usage.procedure,
        "FT1-26": modifiers[0] if usage.kind == "wasted" and modifiers else "",
        "PR1-3": usage.procedure if usage.procedure_category else "",
        "PR1-6": usage.procedure_category,
        "PRT-19": usage.lot,
        "PRT-20": usage.serial,
        "ZFT-1": "" if repeats else usage.reverses,
        "ZFT-2": "" if usage.quantity.unit == profile.options.get("unit", "EA") else usage.quantity.unit,
    }
