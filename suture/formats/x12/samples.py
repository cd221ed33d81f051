"""Messages written by us, clean and defective: documentation, golden test and seed of the fuzzer."""

from __future__ import annotations

from suture.formats.format import Sample

_ISA = "ISA*00*          *00*          *ZZ*{from_:15}*ZZ*{to:15}*260302*0930*U*00401*{number:09d}*0*P*>"
_GS = "GS*{group}*{from_}*{to}*20260302*0930*{number}*X*004010"
_HOSPITAL, _SUPPLIER = "STORKVALE", "GOODHAND"


def _message(number: int, group: str, *sets: str, by: str = _SUPPLIER) -> bytes:
    """An interchange around sets, whose segments stand on lines and whose SE is counted here."""
    names = {"from_": by, "to": _HOSPITAL if by == _SUPPLIER else _SUPPLIER, "number": number, "group": group}
    bodies = [line for place, body in enumerate(sets, 1) for line in _counted(body, f"{place:04d}")]
    trailers = [f"GE*{len(sets)}*{number}", f"IEA*1*{number:09d}"]
    return "".join(f"{line}~\n" for line in (_ISA.format(**names), _GS.format(**names), *bodies, *trailers)).encode()


def _counted(body: str, control: str) -> list[str]:
    lines = body.split()
    code, rest = lines[0], [line.replace("_", " ") for line in lines[1:]]
    return [f"ST*{code}*{control}", *rest, f"SE*{len(rest) + 2}*{control}"]


_ORDER = """850
    BEG*00*SA*PO-1001**20260302 CUR*BY*USD REF*RQ*RQ-77 PER*BD*m.lindt
    DTM*004*20260302*093000*UT DTM*002*20260309
    N1*BT**92*ALPINE N1*BY**92*NORTH N1*ST**92*NORTH-DOCK N1*SU**92*GOODHAND
    PO1*1*10*BX*42.50**IN*4711*VN*GH-NIT-M PID*F****Nitrile_gloves_M,_100_a_box REF*DP*4100 REF*CT*C-2026-8
    PO1*2*400*EA*12*HP*IN*0815 PID*F****Gauze_swabs REF*DP*4100
    CTT*2"""

_CHANGE = """860
    BCH*04*SA*PO-1001**2*20260302*****20260303 CUR*BY*USD DTM*097*20260303*141500*UT
    N9*L1*REASON MSG*theatre_closed_on_Friday N1*SU**92*GOODHAND
    POC*1*QD*6**BX*42.50**IN*4711 REF*DP*4100
    POC*2*DI*0**EA*12*HP*IN*0815 REF*DP*4100
    CTT*2"""

_ANSWER = """855
    BAK*00*AC*PO-1001*20260302****SO-9001*20260302 CUR*SE*USD DTM*097*20260302*101500*UT N1*SU**92*GOODHAND
    PO1*1*10*BX*42.50**IN*4711 ACK*IA*6*BX*068*20260304 ACK*IB*4*BX*068*20260316
    PO1*2*400*EA*12*HP*IN*0815 ACK*IS*400*EA*068*20260304**VN*GH-GAZ-2
    CTT*2"""

_NOTICE = """856
    BSN*00*SH-5001*20260304*1630*0001
    HL*1**S*1 TD5**2*FAST DTM*011*20260304*163000*UT DTM*017*20260305 N1*SU**92*GOODHAND
    HL*2*1*O*1 PRF*PO-1001
    HL*3*2*P*1 MAN*GM*00034012345000000019
    HL*4*3*I*0 LIN*1*IN*4711*LT*L2241 SN1*1*6*BX DTM*036*20290331
    HL*5*2*I*0 LIN*2*IN*0815 SN1*2*400*EA REF*SE*S-1 REF*SE*S-2
    CTT*5"""

_INVOICE = """810
    BIG*20260305*INV-300**PO-1001***DI*00 CUR*SE*USD N1*SU**92*GOODHAND N1*BT**92*ALPINE ITD*01*3****20260404
    IT1*1*6*BX*42.50**IN*4711 IT1*2*400*EA*12*HP*IN*0815
    TDS*32375 TXI*TX*8.25 SAC*C*D240***1250
    CTT*2"""

_CREDIT = """810
    BIG*20260310*CN-12**PO-1001***DI*00 CUR*SE*USD REF*OI*INV-300 N1*SU**92*GOODHAND
    IT1*1*-1*BX*42.50**IN*4711
    TDS*-4250
    CTT*1"""

_REMITTANCE = """820
    BPR*I*323.75*C*ACH************20260404 TRN*1*PAY-88 CUR*PR*USD REF*TN*BK-4242 N1*PE**92*GOODHAND
    ENT*1
    RMR*IV*INV-300**319.75*323.75*4.00 RMR*IV*INV-301**4.00"""

_WORD = "997 AK1*PO*17 AK2*850*0001 AK3*PO1*12**8 AK4*3**7 AK5*R*5 AK9*R*1*1*0"

_TA1 = b"""ISA*00*          *00*          *ZZ*GOODHAND       *ZZ*STORKVALE      *260302*0931*U*00401*000000509*0*P*>~
TA1*000000018*260302*0930*R*006~
IEA*0*000000509~
"""

SAMPLES: tuple[Sample, ...] = (
    Sample(name="order", raw=_message(17, "PO", _ORDER, by=_HOSPITAL)),
    Sample(name="order_change", raw=_message(18, "PC", _CHANGE, by=_HOSPITAL)),
    Sample(name="acknowledgement", raw=_message(501, "PR", _ANSWER)),
    Sample(name="ship_notice", raw=_message(502, "SH", _NOTICE)),
    Sample(name="invoice_and_credit", raw=_message(503, "IN", _INVOICE, _CREDIT), documents=2),
    Sample(name="remittance", raw=_message(19, "RA", _REMITTANCE, by=_HOSPITAL)),
    Sample(name="functional_acknowledgement", raw=_message(504, "FA", _WORD)),
    Sample(name="interchange_acknowledgement", raw=_TA1),
    Sample(
        name="one_bad_of_two",
        raw=_message(505, "IN", _INVOICE, _INVOICE.replace("INV-300", "INV-302").replace("6*BX", "6*QQ")),
        findings=("x12.unit",),
    ),
    Sample(
        name="total_that_does_not_add_up",
        raw=_message(506, "IN", _INVOICE.replace("TDS*32375", "TDS*42375")),
        findings=("x12.total",),
    ),
    Sample(
        name="broken_envelope",
        raw=_message(507, "PR", _ANSWER).replace(b"IEA*1*000000507", b"IEA*2*000000508"),
        documents=0,
        findings=("x12.control", "x12.count"),
    ),
    Sample(
        name="malformed_elements",
        raw=_message(508, "PR", _ANSWER.replace("*20260304", "*20260231").replace("ACK*IB*4", "ACK*IB*1E1")),
        documents=0,
        findings=("x12.date", "x12.type"),
    ),
    Sample(name="not_agreed", raw=_message(510, "FA", "999 AK1*PO*17 AK9*A*1*1*1"), documents=0, findings=("x12.set",)),
)
