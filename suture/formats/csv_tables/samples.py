"""Tables as invented suppliers and storerooms would send them."""

from __future__ import annotations

from suture.formats.format import Sample

_SUPPLIERS = b"""supplier,name,currency,terms_days,account_holder,account_number,account_routing
S-7,"Sutures, Staples & Co",USD,45,Sutures Co,000123456789,021000021
S-8,Alpine Gloves AG,CHF,30,,,
"""
_ITEMS = (
    "\ufeffitem;name;unit;gtin;pack_unit;pack_factor;pack_gtin\r\n"
    "IT-1;Catgut 3-0 “Müller”;EA;09506000134352;BX;36;\r\n"
    "IT-1;Catgut 3-0 “Müller”;EA;09506000134352;CS;144;\r\n"
    'IT-2;"Gloves\nsize 7";PR;;;;\r\n'
)
_PRICES = b"""contract_price\tcontract\tsupplier\titem\tprice\tprice_currency\tprice_per\tprice_per_unit\teffective_from
CP-1\tC-1\tS-7\tIT-1\t12.50\tCHF\t\tBX\t2026-01-01
CP-2\tC-1\tS-7\tIT-2\t1,080.00\tCHF\t100\tPR\t2026-01-01
"""
_RECEIPTS = b"""receipt,order,place,received_at,line,item,quantity,quantity_unit,lot,serials,expires
GR-1,PO-9,DOCK-1,2026-03-02T08:15:00Z,1,IT-1,12,BX,L77,,2028-01-31
GR-2,PO-10,DOCK-1,2026-03-02T09:00:00Z,1,IT-5,2,EA,,SN-1|SN-2,
GR-1,PO-9,DOCK-1,2026-03-02T08:15:00Z,2,IT-2,3,CS,,,
"""
_DAMAGED = b"""item,name,unit,gtin,colour
IT-1,Gauze,EA,9506000134352,white
2E+05,Tape,EA,,
IT-3,"Wire 2" long,EA,,
IT-4,Sponge,EA
IT-5,Mesh,EA,123,
IT-6,,EA,#N/A,
IT-7,Clip,EA,,
"""
_PLACES = b"""place,name,kind,entity,facility
W-1,Ward 1,ward,E1,F1
W-2,Store 2,storeroom,E1,F1
"""

SAMPLES = (
    Sample(name="suppliers, quoted", raw=_SUPPLIERS, documents=2),
    Sample(name="items with packs, as a spreadsheet saves them", raw=_ITEMS.encode(), documents=2),
    Sample(name="a price list with tabs", raw=_PRICES, documents=2),
    Sample(name="receipts, their lines mixed", raw=_RECEIPTS, documents=2),
    Sample(
        name="items damaged by a spreadsheet",
        raw=_DAMAGED,
        documents=2,
        findings=(
            "csv.unknown_column",
            "csv.excel_exponent",
            "csv.quote",
            "csv.columns",
            "csv.leading_zeros",
            "csv.excel_error",
        ),
    ),
    Sample(name="a place of an unknown kind", raw=_PLACES, documents=1, findings=("csv.value",)),
)
