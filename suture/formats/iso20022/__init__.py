"""ISO 20022 between a hospital and its bank: payment orders out, reports and bookings in.

Law: messages are read by local names, so that every version that we know is read alike, and a version that nobody has looked
at is refused; what a bank may take is decided before writing. See ``agreement`` for the options of a profile.
``message_id(payment)`` is the MsgId that a bank's report will echo.
"""

from suture.formats.format import Format
from suture.formats.iso20022.agreement import VERSIONS, Version, version
from suture.formats.iso20022.messages import acknowledge, read, write
from suture.formats.iso20022.pain001 import message_id
from suture.formats.iso20022.samples import SAMPLES
from suture.model import FunctionalAcknowledgement, PaymentInstruction, PaymentStatus

__all__ = ["FORMAT", "VERSIONS", "Version", "message_id", "version"]

FORMAT = Format(
    name="iso20022",
    title="Bank messages: pain.001, pain.002, camt.054, camt.053, camt.052",
    version=1,
    standard="ISO 20022: pain.001.001.03/.09, pain.002.001.03/.10, camt.054.001.02/.08 written; versions since 2009 read",
    media_type="application/xml",
    reads=(PaymentInstruction, FunctionalAcknowledgement, PaymentStatus),
    writes=(PaymentInstruction, FunctionalAcknowledgement, PaymentStatus),
    read=read,
    write=write,
    acknowledge=acknowledge,
    samples=SAMPLES,
)
