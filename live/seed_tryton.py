"""The seed of Tryton: a hospital company, two suppliers, items, accounts and the connector's own user.

Run by the Python of Tryton's environment: ``python seed_tryton.py CONFIG DATABASE PASSWORD_FILE``. Everything is invented.
"""

import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from proteus import Model, config

CONFIG, DATABASE, PASSWORD = sys.argv[1], sys.argv[2], Path(sys.argv[3]).read_text().strip()
here = config.set_trytond(f"{DATABASE}", user="admin", config_file=CONFIG)

from trytond.modules.account.tests.tools import create_chart, create_fiscalyear, get_accounts  # noqa: E402  (needs the pool)
from trytond.modules.account_invoice.tests.tools import set_fiscalyear_invoice_sequences  # noqa: E402
from trytond.modules.company.tests.tools import create_company, get_company  # noqa: E402
from trytond.modules.currency.tests.tools import get_currency  # noqa: E402

#: Entity, suppliers, items (our id, name, unit symbol, cost, lots tracked). Units: Tryton's own "u" and a carton of ten.
ENTITY = ("HARBOR", "Harbor Health")
SUPPLIERS = (("SUP-EDI", "Mock EDI Supply Co", 30), ("SUP-NOR", "Northern Surgical", 45))
ITEMS = (
    ("GLV-M", "Nitrile gloves M", "u", "12.50", False),
    ("SYR-10", "Syringe 10 ml", "u", "3.95", False),
    ("CATH-6F", "Catheter 6F", "u", "89.00", True),
    ("SEAL-4", "Seal kit", "cs", "22.30", False),
)
#: Ledger accounts that postings name: code, name, type (by name in Tryton's minimal chart).
ACCOUNTS = (("5100", "Clinical supplies used", "expense"), ("1310", "Inventory", "cash"), ("1010", "Bank clearing", "cash"))
#: Open books around today, so that a database bootstrapped in December serves in January.
YEARS = range(datetime.now(UTC).year - 1, datetime.now(UTC).year + 2)


def company() -> object:
    """The company of the entity, and admin as its employee."""
    User, Company = Model.get("res.user"), Model.get("company.company")
    party = Model.get("party.party")(name=ENTITY[1], code=ENTITY[0])
    party.save()
    create_company(party=party, currency=get_currency("USD"))
    made = get_company()
    (admin,) = User.find([("login", "=", "admin")])
    admin.companies.append(Company(made.id))
    admin.company = Company(made.id)
    admin.save()
    here._context = User.get_preferences(True, {})
    return made


def books(made: object) -> dict[str, object]:
    """Fiscal years with invoice sequences, the chart of accounts, and our own ledger accounts."""
    for year in YEARS:
        span = (date(year, 1, 1), date(year, 12, 31))
        fiscal = set_fiscalyear_invoice_sequences(create_fiscalyear(company=made, today=span))
        fiscal.click("create_period")
    create_chart(company=made)
    accounts = get_accounts(made)
    Account = Model.get("account.account")
    for code, name, kind in ACCOUNTS:
        Account(code=code, name=name, type=accounts[kind].type, company=made).save()
    return accounts


def goods(accounts: dict[str, object]) -> None:
    """Units, the product category with its accounts, and the items under our ids."""
    Unit, Template = Model.get("product.uom"), Model.get("product.template")
    (unit,) = Unit.find([("symbol", "=", "u")])
    carton = Unit(name="Carton", symbol="cs", category=unit.category, factor=10.0, rate=0.1, rounding=1.0, digits=0)
    carton.save()
    category = Model.get("product.category")(name="Medical supplies", accounting=True)
    category.account_expense, category.account_revenue = accounts["expense"], accounts["revenue"]
    category.save()
    for code, name, symbol, cost, lots in ITEMS:
        template = Template(name=name, code=code, type="goods", purchasable=True, list_price=Decimal(cost) * 2)
        template.default_uom = carton if symbol == "cs" else unit
        template.account_category = category
        if lots:
            template.lot_required = ["supplier", "storage"]
        template.products[0].cost_price = Decimal(cost)
        template.save()


def suppliers() -> None:
    """Payment terms and the suppliers under our ids, each with an address."""
    Term, Party = Model.get("account.invoice.payment_term"), Model.get("party.party")
    for code, name, days in SUPPLIERS:
        term = Term(name=f"Net {days}")
        term.lines.new(type="remainder").relativedeltas.new(days=days)
        term.save()
        party = Party(name=name, code=code, supplier_payment_term=term)
        party.addresses[0].street = "500 Seaport Boulevard"
        party.save()


def connector(made: object) -> None:
    """The user that Suture logs in as: what purchasing, stock and accounting clerks may do, and nothing more."""
    User, Group, Company = Model.get("res.user"), Model.get("res.group"), Model.get("company.company")
    user = User(name="Suture", login="suture", password=PASSWORD, email="suture@example.org")
    for name in ("Purchase", "Stock", "Stock Force Assignment", "Stock Cancellation", "Accounting"):
        user.groups.extend(Group.find([("name", "=", name)]))
    user.companies.append(Company(made.id))
    user.company = Company(made.id)
    user.save()


def main() -> None:
    """Everything, in order; told as it goes."""
    made = company()
    accounts = books(made)
    goods(accounts)
    suppliers()
    connector(made)
    print("seeded", ENTITY[0], "with", len(ITEMS), "items and", len(SUPPLIERS), "suppliers")


if __name__ == "__main__":
    main()
