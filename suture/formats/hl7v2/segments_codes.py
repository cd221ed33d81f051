"""The words of HL7 v2 that this format knows: field names, error codes, and the tables it decides by."""

from __future__ import annotations

#: Field names as used in findings (HL7 v2.8.2, chapters 2, 3, 4, 6 and 7).
FIELDS: dict[str, dict[int, str]] = {
    "MSH": {
        2: "encoding characters",
        9: "message type",
        10: "message control id",
        11: "processing id",
        12: "version id",
        18: "character set",
    },
    "PID": {2: "patient id", 3: "patient identifier list", 4: "alternate patient id", 18: "patient account number"},
    "PV1": {3: "assigned patient location", 19: "visit number"},
    "MRG": {1: "prior patient identifier list"},
    "FT1": {
        1: "set id",
        2: "transaction id",
        4: "transaction date",
        6: "transaction type",
        7: "transaction code",
        10: "transaction quantity",
        13: "department code",
        16: "assigned patient location",
        25: "procedure code",
        26: "procedure code modifier",
        29: "national drug code",
        31: "transaction reference key",
        34: "item number",
    },
    "PR1": {3: "procedure code", 6: "procedure functional type"},
    "PRT": {10: "participation device", 16: "device identifier", 19: "device lot number", 20: "device serial number"},
    "BTS": {1: "batch message count"},
    "FTS": {1: "file batch count"},
}

#: HL7 table 0357, message error condition codes.
ERRORS: dict[str, str] = {
    "0": "Message accepted",
    "100": "Segment sequence error",
    "101": "Required field missing",
    "102": "Data type error",
    "103": "Table value not found",
    "104": "Value too long",
    "200": "Unsupported message type",
    "201": "Unsupported event code",
    "202": "Unsupported processing id",
    "203": "Unsupported version id",
    "204": "Unknown key identifier",
    "205": "Duplicate key identifier",
    "206": "Application record locked",
    "207": "Application internal error",
}

#: Errors that no correction of the content can cure: the message is rejected (AR, CR), not in error (AE, CE).
REJECTIONS = frozenset({"200", "201", "202", "203"})

#: HL7 table 0104, as far as published.
VERSIONS = frozenset((
    "2.1", "2.2", "2.3", "2.3.1", "2.3.2", "2.4", "2.5", "2.5.1", "2.5.2", "2.6", "2.7", "2.7.1", "2.8", "2.8.1", "2.8.2",
    "2.9", "2.9.1",
))  # fmt: skip

#: HL7 table 0017, transaction type, and CR, which many senders write for a credit. PY and CO move money, not goods.
CHARGE, CREDITS, ADJUSTMENT, MONEY_ONLY = "CG", ("CD", "CR"), "AJ", ("PY", "CO")

#: Events that tell where a patient is or who the patient is: context of usages, no documents of ours.
CONTEXT_EVENTS = frozenset((
    "A01", "A02", "A03", "A04", "A05", "A06", "A07", "A08", "A11", "A12", "A13", "A28", "A31", "A40",
))  # fmt: skip

#: What senders write for a unit (UCUM, X12, plain words), and its UN/ECE Recommendation 20 or 21 code.
UNITS: dict[str, str] = {
    "EA": "EA", "EACH": "EA", "{EACH}": "EA", "[EA]": "EA", "1": "EA", "H87": "H87", "C62": "C62", "PCS": "H87",
    "BX": "BX", "BOX": "BX", "CS": "CS", "CASE": "CS", "CT": "CT", "PK": "PK", "PACK": "PK", "PR": "PR", "PAIR": "PR",
    "RO": "RO", "ROLL": "RO", "VI": "VI", "VIAL": "VI", "BO": "BO", "BOTTLE": "BO", "BG": "BG", "BAG": "BG",
    "ML": "MLT", "MLT": "MLT", "L": "LTR", "LTR": "LTR", "MG": "MGM", "MGM": "MGM", "G": "GRM", "GRM": "GRM",
    "CM": "CMT", "CMT": "CMT", "M": "MTR", "MTR": "MTR", "SET": "SET", "KIT": "KT", "KT": "KT", "DZ": "DZN", "DZN": "DZN",
}  # fmt: skip

#: Identifiers (CX) of a patient or a stay, and where in them the number stands: replaced by pseudonyms.
IDENTIFIERS: dict[str, dict[int, tuple[int, ...]]] = {
    "PID": dict.fromkeys((2, 3, 4, 18), (1,)),
    "PV1": dict.fromkeys((5, 19, 50), (1,)),
    "MRG": dict.fromkeys((1, 2, 3, 4, 5, 6), (1,)),
}

#: Free text and names, to be emptied. Of PID everything goes that is not named here or above.
IDENTIFYING: dict[str, tuple[int, ...]] = {
    "PV2": (5, 12),
    "MRG": (7,),
    "NTE": (3,),
    "OBX": (5,),
    "OBR": (13, 39),
    "RXO": (6, 7),
    "DSP": (3,),
}
PID_SET_ID, PID_BIRTH, PID_SEX = 1, 7, 8

#: The components that tell who somebody is: of a name (XPN), an address (XAD), a telephone (XTN), an identifier (CX).
_NAME, _ADDRESS, _TELEPHONE, _IDENTIFIER = (1, 2, 3), (1, 2, 3, 5), (1, 4, 7, 12), (1,)

#: Where what identifies the patient, or leads to the patient, is learned before it is looked for everywhere else.
TELLING: dict[str, dict[int, tuple[int, ...]]] = {
    "PID": {
        5: _NAME, 6: _NAME, 7: (1,), 9: _NAME, 11: _ADDRESS, 13: _TELEPHONE, 14: _TELEPHONE,
        19: _IDENTIFIER, 20: _IDENTIFIER, 21: _IDENTIFIER, 23: (1,),
    },
    "MRG": {7: _NAME},
    "NK1": {2: _NAME, 4: _ADDRESS, 5: _TELEPHONE, 6: _TELEPHONE},
    "GT1": {3: _NAME, 4: _NAME, 5: _ADDRESS, 6: _TELEPHONE, 7: _TELEPHONE, 12: (1,)},
    "IN1": {16: _NAME, 19: _ADDRESS, 36: (1,)},
}  # fmt: skip

#: The segments whose content is known and stays, apart from the above. Of relatives, guarantors, insurers, accidents and
#: of names that nobody defined (a damaged PID) only the set id stays; local segments (Z..) stay and are searched.
KNOWN = frozenset((
    "AIG", "AIL", "AIP", "AIS", "AL1", "APR", "ARQ", "BHS", "BPO", "BTS", "BTX", "CER", "CSR", "DG1", "DRG", "DSP", "ERR",
    "EVN", "FAC", "FHS", "FT1", "FTS", "GOL", "GP1", "GP2", "IIM", "INV", "LCC", "LCH", "LDP", "LOC", "LRL", "MFA", "MFE",
    "MFI", "MRG", "MSA", "MSH", "NTE", "OBR", "OBX", "ODS", "ODT", "ORC", "PDC", "PID", "PR1", "PRB", "PRC", "PRT", "PTH",
    "PV1", "PV2", "RGS", "RMI", "ROL", "RQ1", "RQD", "RXA", "RXC", "RXD", "RXE", "RXG", "RXO", "RXR", "SAC", "SCH", "SFT",
    "SID", "SPM", "TCC", "TQ1", "TQ2", "TXA", "UAC", "UB1", "UB2", "VAR",
))  # fmt: skip
