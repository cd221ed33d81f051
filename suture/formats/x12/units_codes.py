"""X12 unit codes (data element 355) and ours (UN/ECE Recommendations 20 and 21): one explicit map, nothing by chance.

The same letters mean different things in the two lists: X12 ``CA`` is a case (Recommendation 21 has a can there), ``PL`` a
pallet, ``RL`` a roll, ``LT`` a litre. A code that stands in no row is refused by ``canonical`` and by ``x12_code``; how
many a box holds is the item's pack factor and not the business of this map.
"""

from __future__ import annotations

from suture.model import Unit

#: Ours, and the X12 code that we write for it.
_WRITTEN: dict[Unit, str] = {
    # counted
    "EA": "EA",
    "H87": "PC",
    "C62": "UN",
    "PR": "PR",
    "DZN": "DZ",
    "MIL": "TH",
    "SET": "ST",
    "KT": "KT",
    # packed
    "AM": "AM",
    "BG": "BG",
    "BO": "BO",
    "BX": "BX",
    "CQ": "CQ",
    "CS": "CA",
    "CT": "CT",
    "CX": "CN",
    "JR": "JR",
    "PK": "PK",
    "PX": "PL",
    "RL": "RL",
    "TU": "TB",
    "TY": "TY",
    "VI": "VI",
    # measured
    "KGM": "KG",
    "GRM": "GR",
    "MGM": "ME",
    "LBR": "LB",
    "ONZ": "OZ",
    "LTR": "LT",
    "MLT": "ML",
    "GLL": "GA",
    "MTR": "MR",
    "CMT": "CM",
    "FOT": "FT",
    "INH": "IN",
    "YRD": "YD",
    "MTK": "SM",
    "FTK": "SF",
    # time
    "HUR": "HR",
    "DAY": "DA",
    "WEE": "WK",
    "MON": "MO",
}

#: X12 codes that partners also send for what we know.
_ALSO: dict[str, Unit] = {"CS": "CS", "PH": "PK"}

_READ: dict[str, Unit] = {code: unit for unit, code in _WRITTEN.items()} | _ALSO

#: Units of measure and time: "each" of these is one of them, while "each" of a pack is one piece of its content.
MEASURES = frozenset(
    {
        "KGM",
        "GRM",
        "MGM",
        "LBR",
        "ONZ",
        "LTR",
        "MLT",
        "GLL",
        "MTR",
        "CMT",
        "FOT",
        "INH",
        "YRD",
        "MTK",
        "FTK",
        "HUR",
        "DAY",
        "WEE",
        "MON",
    }
)

#: Basis of unit price (data element 639) that names a kind of price and leaves the basis to the line's own unit.
PER_UNIT = frozenset({"", "UM", "CA", "CP", "CT", "DI", "DR", "FX", "KR", "NT", "QT", "SC", "ST", "WH"})
#: Basis of unit price that counts pieces: how many.
PER_PIECES = {
    "PE": 1,
    "TE": 1,
    "LE": 1,
    "QE": 1,
    "WE": 1,
    "PN": 10,
    "PD": 12,
    "TD": 12,
    "LD": 12,
    "WD": 12,
    "HP": 100,
    "TC": 100,
    "LC": 100,
    "QH": 100,
    "WC": 100,
    "TP": 1_000,
    "TM": 1_000,
    "LM": 1_000,
    "QS": 1_000,
    "WM": 1_000,
    "TT": 10_000,
    "HT": 100_000,
}
#: Basis of unit price that names a measure.
PER_MEASURE: dict[str, Unit] = {
    "PP": "LBR",
    "PK": "KGM",
    "PL": "LTR",
    "PF": "FOT",
    "PG": "GRM",
    "PO": "ONZ",
    "ML": "MLT",
    "PY": "YRD",
}
#: The bases that we write, the plainest first.
WRITTEN_BASES = ("", "PE", "PN", "PD", "HP", "TP")


def canonical(code: str) -> Unit | None:
    """Our unit for an X12 code, or None if the code is not in the map."""
    return _READ.get(code)


def x12_code(unit: Unit) -> str | None:
    """The X12 code for one of our units, or None if the map has none."""
    return _WRITTEN.get(unit)
