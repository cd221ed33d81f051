"""Bank messages of an invented trust and its invented suppliers: documentation, golden tests, seeds of the fuzzer."""

from __future__ import annotations

from suture.formats.format import Sample

_ORDER = b"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09">
  <CstmrCdtTrfInitn>
    <GrpHdr>
      <MsgId>PAY-1001</MsgId>
      <CreDtTm>2026-03-02T09:30:00Z</CreDtTm>
      <NbOfTxs>1</NbOfTxs>
      <CtrlSum>1250.00</CtrlSum>
      <InitgPty><Nm>Alpine Care Trust</Nm></InitgPty>
    </GrpHdr>
    <PmtInf>
      <PmtInfId>PAY-1001</PmtInfId>
      <PmtMtd>TRF</PmtMtd>
      <ReqdExctnDt><Dt>2026-03-04</Dt></ReqdExctnDt>
      <Dbtr><Nm>Alpine Care Trust</Nm><Id><OrgId><Othr><Id>E1</Id></Othr></OrgId></Id></Dbtr>
      <DbtrAcct><Id><IBAN>CH9300762011623852957</IBAN></Id></DbtrAcct>
      <DbtrAgt><FinInstnId><Othr><Id>NOTPROVIDED</Id></Othr></FinInstnId></DbtrAgt>
      <ChrgBr>SHAR</ChrgBr>
      <CdtTrfTxInf>
        <PmtId><EndToEndId>PAY-1001</EndToEndId></PmtId>
        <Amt><InstdAmt Ccy="CHF">1250.00</InstdAmt></Amt>
        <Cdtr><Nm>Sutures and Staples AG</Nm><Id><OrgId><Othr><Id>S-7</Id></Othr></OrgId></Id></Cdtr>
        <CdtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></CdtrAcct>
        <RmtInf>
          <Strd><RfrdDocInf><Tp><CdOrPrtry><Cd>CINV</Cd></CdOrPrtry></Tp><Nb>INV-88</Nb></RfrdDocInf></Strd>
        </RmtInf>
      </CdtTrfTxInf>
    </PmtInf>
  </CstmrCdtTrfInitn>
</Document>
"""

_BATCH = b"""<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.03">
<CstmrCdtTrfInitn>
 <GrpHdr><MsgId>RUN-12</MsgId><CreDtTm>2026-03-02T10:00:00</CreDtTm><NbOfTxs>2</NbOfTxs><CtrlSum>150000.25</CtrlSum>
  <InitgPty><Nm>Alpine Care Trust</Nm></InitgPty></GrpHdr>
 <PmtInf><PmtInfId>RUN-12-1</PmtInfId><PmtMtd>TRF</PmtMtd><ReqdExctnDt>2026-03-03</ReqdExctnDt>
  <Dbtr><Nm>Alpine Care Trust</Nm></Dbtr><DbtrAcct><Id><IBAN>CH9300762011623852957</IBAN></Id></DbtrAcct>
  <DbtrAgt><FinInstnId><BIC>POFICHBE</BIC></FinInstnId></DbtrAgt>
  <CdtTrfTxInf><PmtId><EndToEndId>PAY-1002</EndToEndId></PmtId><Amt><InstdAmt Ccy="JPY">150000</InstdAmt></Amt>
   <CdtrAgt><FinInstnId><BIC>BOTKJPJT</BIC></FinInstnId></CdtrAgt><Cdtr><Nm>Kyoto Catheters</Nm></Cdtr>
   <CdtrAcct><Id><Othr><Id>0123456</Id></Othr></Id></CdtrAcct></CdtTrfTxInf>
  <CdtTrfTxInf><PmtId><EndToEndId>PAY-1003</EndToEndId></PmtId><Amt><InstdAmt Ccy="USD">0.25</InstdAmt></Amt>
   <CdtrAgt><FinInstnId><ClrSysMmbId><ClrSysId><Cd>USABA</Cd></ClrSysId><MmbId>021000021</MmbId></ClrSysMmbId></FinInstnId></CdtrAgt>
   <Cdtr><Nm>Maple Implants Inc.</Nm></Cdtr><CdtrAcct><Id><Othr><Id>000123456789</Id></Othr></Id></CdtrAcct>
   <RmtInf><Ustrd>final</Ustrd><Ustrd>settlement</Ustrd></RmtInf></CdtTrfTxInf>
 </PmtInf>
</CstmrCdtTrfInitn>
</Document>
"""

_PART = b"""<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10">
<CstmrPmtStsRpt>
 <GrpHdr><MsgId>BANK-501</MsgId><CreDtTm>2026-03-02T11:00:00+01:00</CreDtTm></GrpHdr>
 <OrgnlGrpInfAndSts><OrgnlMsgId>RUN-12</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId><GrpSts>PART</GrpSts>
 </OrgnlGrpInfAndSts>
 <OrgnlPmtInfAndSts><OrgnlPmtInfId>RUN-12-1</OrgnlPmtInfId>
  <TxInfAndSts><OrgnlEndToEndId>PAY-1002</OrgnlEndToEndId><TxSts>ACSP</TxSts><AcctSvcrRef>B-77</AcctSvcrRef></TxInfAndSts>
  <TxInfAndSts><OrgnlEndToEndId>PAY-1003</OrgnlEndToEndId><TxSts>RJCT</TxSts>
   <StsRsnInf><Rsn><Cd>AC04</Cd></Rsn><AddtlInf>Account closed</AddtlInf></StsRsnInf>
   <OrgnlTxRef><Amt><InstdAmt Ccy="USD">0.25</InstdAmt></Amt></OrgnlTxRef></TxInfAndSts>
 </OrgnlPmtInfAndSts>
</CstmrPmtStsRpt>
</Document>
"""

_RECEIVED = b"""<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.03">
<CstmrPmtStsRpt>
 <GrpHdr><MsgId>BANK-500</MsgId><CreDtTm>2026-03-02T10:00:05+01:00</CreDtTm></GrpHdr>
 <OrgnlGrpInfAndSts><OrgnlMsgId>RUN-12</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.03</OrgnlMsgNmId><GrpSts>RCVD</GrpSts>
 </OrgnlGrpInfAndSts>
</CstmrPmtStsRpt>
</Document>
"""

_BOOKED = b"""<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08">
<BkToCstmrDbtCdtNtfctn>
 <GrpHdr><MsgId>BANK-600</MsgId><CreDtTm>2026-03-05T06:00:00+01:00</CreDtTm></GrpHdr>
 <Ntfctn><Id>BANK-600-1</Id><CreDtTm>2026-03-05T06:00:00+01:00</CreDtTm>
  <Acct><Id><IBAN>CH9300762011623852957</IBAN></Id></Acct>
  <Ntry><Amt Ccy="CHF">1500.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-03-04</Dt></BookgDt>
   <AcctSvcrRef>B-90</AcctSvcrRef><BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>ICDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>
   <NtryDtls><Btch><NbOfTxs>3</NbOfTxs></Btch>
    <TxDtls><Refs><EndToEndId>PAY-1001</EndToEndId></Refs><Amt Ccy="CHF">1250.00</Amt></TxDtls>
    <TxDtls><Refs><EndToEndId>PAY-1004</EndToEndId></Refs><Amt Ccy="CHF">200.00</Amt></TxDtls>
    <TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs><Amt Ccy="CHF">50.00</Amt></TxDtls>
   </NtryDtls></Ntry>
  <Ntry><Amt Ccy="CHF">200.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><RvslInd>true</RvslInd><Sts><Cd>BOOK</Cd></Sts>
   <BookgDt><DtTm>2026-03-05T05:30:00+01:00</DtTm></BookgDt><BkTxCd/>
   <NtryDtls><TxDtls><Refs><EndToEndId>PAY-1004</EndToEndId></Refs>
    <RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf></TxDtls></NtryDtls></Ntry>
  <Ntry><Amt Ccy="CHF">75.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-03-05</Dt></BookgDt>
   <BkTxCd/><NtryDtls><TxDtls><Refs><EndToEndId>PATIENT-1</EndToEndId></Refs></TxDtls></NtryDtls></Ntry>
 </Ntfctn>
</BkToCstmrDbtCdtNtfctn>
</Document>
"""

_STATEMENT = b"""<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02">
<BkToCstmrStmt>
 <GrpHdr><MsgId>STMT-9</MsgId><CreDtTm>2026-03-04T22:00:00.000000000</CreDtTm></GrpHdr>
 <Stmt><Id>STMT-9-1</Id><CreDtTm>2026-03-04T22:00:00</CreDtTm>
  <Acct><Id><IBAN>CH9300762011623852957</IBAN></Id></Acct>
  <Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="CHF">100.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>
   <Dt><Dt>2026-03-04</Dt></Dt></Bal>
  <Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="CHF">20.00</Amt><CdtDbtInd>DBIT</CdtDbtInd>
   <Dt><DtTm>2026-03-04T22:00:00</DtTm></Dt></Bal>
  <Ntry><Amt Ccy="CHF">120.00000</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-03-04</Dt></BookgDt>
   <BkTxCd/><NtryDtls><TxDtls><Refs><EndToEndId>PAY-1005</EndToEndId></Refs></TxDtls></NtryDtls></Ntry>
  <Ntry><Amt Ccy="CHF">30.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>PDNG</Sts>
   <BkTxCd/><NtryDtls><TxDtls><Refs><EndToEndId>PAY-1006</EndToEndId></Refs></TxDtls></NtryDtls></Ntry>
 </Stmt>
</BkToCstmrStmt>
</Document>
"""

_BOMB = b"""<!DOCTYPE Document [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"><CstmrCdtTrfInitn>&b;</CstmrCdtTrfInitn></Document>
"""

SAMPLES = (
    Sample(name="pain.001: one payment", raw=_ORDER),
    Sample(name="pain.001: a batch in the older version", raw=_BATCH, documents=2),
    Sample(
        name="pain.001: a wrong control sum", raw=_ORDER.replace(b"Sum>1250", b"Sum>1205"), documents=0, findings=("iso.sum",)
    ),
    Sample(name="pain.002: partly accepted", raw=_PART, documents=3),
    Sample(name="pain.002: received, verdict to come", raw=_RECEIVED, documents=0, findings=("iso.pending",)),
    Sample(name="camt.054: settled, returned, unmatched", raw=_BOOKED, documents=3, findings=("iso.unmatched", "iso.incoming")),
    Sample(name="camt.053: booked and pending", raw=_STATEMENT, documents=2),
    Sample(name="a declared entity", raw=_BOMB, documents=0, findings=("xml.doctype",)),
)
