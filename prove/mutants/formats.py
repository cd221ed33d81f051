"""Bugs of formats: what is written or acknowledged is not what was meant."""

from __future__ import annotations

from prove.mutants.mutant import Mutant

_X12, _HL7, _ISO = "formats/x12/functional.py", "formats/hl7v2/acknowledge.py", "formats/iso20022/pain001.py"

MUTANTS = (
    Mutant(
        name="a functional acknowledgement accepts whatever came",
        file=_HL7,
        old='    code = mode + ("A" if not errors else',
        new='    code = mode + ("A" if True else',
        scenarios=("bad lines", "busy people"),
    ),
    Mutant(
        name="an acknowledgement names another message",
        file=_HL7,
        old='    msa = ["MSA", code, head.control_id]\n',
        new='    msa = ["MSA", code, control_id]\n',
    ),
    Mutant(
        name="a good interchange is acknowledged as rejected",
        file=_X12,
        old='    verdict = "R" if refused else "E" if told else "A"\n',
        new='    verdict = "R"\n',
    ),
    Mutant(
        name="an acknowledgement names another group",
        file=_X12,
        old='    return [row("AK1", group.header[1], group.header[6]), *body, end]\n',
        new='    return [row("AK1", group.header[1], "1"), *body, end]\n',
    ),
    Mutant(
        name="an order names another place to deliver to",
        file="formats/x12/order.py",
        old='        party("ST", order.ship_to),\n',
        new='        party("ST", order.facility),\n',
    ),
    Mutant(
        name="money goes to another account than the supplier's",
        file=_ISO,
        old='    add_account(transfer, "CdtrAcct", payment.creditor.number, payment.creditor.routing)\n',
        new='    add_account(transfer, "CdtrAcct", payment.creditor.number[::-1], payment.creditor.routing)\n',
    ),
    Mutant(
        name="the patient's number is kept as it is",
        file="formats/hl7v2/minimise.py",
        old='        first = escape(self.pseudonyms.get(said) or self.pseudonym(said), marks) if said else ""\n',
        new="        first = escape(said, marks)\n",
    ),
)
