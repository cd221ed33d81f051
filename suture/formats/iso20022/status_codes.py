"""Status and reason codes of payments (ISO 20022 external code sets), with what they mean to us in our own words."""

from __future__ import annotations

from typing import Final

#: TxSts of pain.002 to the status of a payment.
PAYMENT_STATUS: Final = {
    "ACTC": "accepted",
    "ACCP": "accepted",
    "ACFC": "accepted",
    "ACSP": "accepted",
    "ACWC": "accepted",
    "ACWP": "accepted",
    "ACIS": "accepted",
    "ACPD": "accepted",
    "ACSC": "settled",
    "ACCC": "settled",
    "RCVD": "pending",
    "PDNG": "pending",
    "PATC": "pending",
    "PRES": "pending",
    "BLCK": "rejected",
    "CANC": "rejected",
    "RJCT": "rejected",
}
#: GrpSts and PmtInfSts that say the message was taken or refused; the others (RCVD, PDNG) promise a later report.
TAKEN: Final = frozenset({"ACTC", "ACCP", "ACFC", "ACSP", "ACWC", "ACWP", "ACSC", "ACCC", "PART", "RJCT"})
WAITING: Final = frozenset({"RCVD", "PDNG", "PATC", "PRES"})

#: Reasons that banks give most, in our words; others are passed on as they are.
REASONS: Final = {
    "AC01": "the account number is wrong",
    "AC02": "the debtor's account is wrong",
    "AC03": "the creditor's account is wrong",
    "AC04": "the account is closed",
    "AC06": "the account is blocked",
    "AC07": "the creditor's account is closed",
    "AC13": "the account is of the wrong kind",
    "AC14": "the creditor's account is of the wrong kind",
    "AG01": "this account does not allow credit transfers",
    "AG02": "the bank operation code is wrong",
    "AM01": "the amount is zero",
    "AM02": "the amount is above the limit",
    "AM03": "the currency is not possible here",
    "AM04": "insufficient funds",
    "AM05": "a duplicate",
    "AM09": "the amount is wrong",
    "AM10": "the control sum does not agree",
    "AM18": "the number of transactions does not agree",
    "BE01": "name and account do not belong together",
    "BE04": "the creditor's address is missing",
    "BE05": "the initiating party is unknown",
    "BE06": "the customer is unknown to the bank",
    "CUST": "asked for by the customer",
    "DT01": "the date is wrong",
    "DUPL": "a duplicate",
    "FF01": "the file format is wrong",
    "FOCR": "returned after a recall",
    "MD07": "the account holder has died",
    "MS02": "the customer gave no reason",
    "MS03": "the bank gave no reason",
    "RC01": "the bank's identifier is wrong",
    "RC04": "the creditor's bank is wrong",
    "RR01": "the debtor's account or identification is missing",
    "RR02": "the debtor's name or address is missing",
    "RR03": "the creditor's name or address is missing",
    "RR04": "a regulatory reason",
    "TECH": "a technical problem",
    "TM01": "after the cut-off time",
}

#: Our findings on a payment file to the bank's reason.
REASON_OF: Final = {
    "iso.account": "AC03",
    "iso.amount": "AM09",
    "iso.count": "AM18",
    "iso.sum": "AM10",
    "iso.date": "DT01",
    "iso.kind": "FF01",
    "iso.version": "FF01",
    "xml.charset": "FF01",
    "xml.doctype": "FF01",
    "xml.limit": "FF01",
    "xml.size": "FF01",
    "xml.syntax": "FF01",
}
