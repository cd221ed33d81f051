"""How many suppliers stand twice in the group's master data."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from suture.journal import Event
from suture.kpis.kpi import Dropped, Known, Kpi, Measure
from suture.model import Supplier

#: Suppliers that are remembered under one mark: a name that more of them bear tells nothing.
ALIKE_MOST = 20


def step(event: Event, known: Known) -> Iterable[Measure | Dropped]:
    """A supplier, and each other that bears one of its marks: a pair, merged as soon as one of the two is retired.

    Who bears a mark is a note, which is shown to nobody.
    """
    supplier = event.data
    if not isinstance(supplier, Supplier):
        return
    before = known.measure(supplier.id)
    retired = supplier.status == "retired"
    yield Measure(
        subject=supplier.id,
        about=supplier.id,
        at=before.at if before else event.at,
        weight=Decimal(int(not retired)),
        supplier=supplier.id,
        stage="masters",
        kind="retired" if retired else "supplier",
    )
    others: dict[str, None] = {}
    for mark in known.marks(supplier):
        index = known.measure(f"mark {mark}")
        holders = index.about.split("\n") if index else []
        others |= dict.fromkeys(holder for holder in holders if holder != supplier.id)
        if supplier.id not in holders and len(holders) < ALIKE_MOST:
            about = "\n".join([*holders, supplier.id])
            yield Measure(subject=f"mark {mark}", about=about)
    for other in others:
        yield _pair(event, known, supplier.id, other, retired=retired)


def _pair(event: Event, known: Known, one: str, other: str, *, retired: bool) -> Measure:
    subject = "pair " + "\n".join(sorted((one, other)))
    before, there = known.measure(subject), known.measure(other)
    merged = retired or (there is not None and there.kind == "retired")
    return Measure(
        subject=subject,
        about=one if not retired else other,
        at=before.at if before else event.at,
        value=Decimal(1),
        weight=Decimal(0),
        supplier=one if not retired else other,
        stage="masters",
        kind="merged" if merged else "open",
    )


KPI = Kpi(
    name="supplier_duplicates",
    title="Duplicate suppliers",
    unit="per_thousand",
    good="down",
    target=Decimal(5),
    definition=(
        "pairs of suppliers with one tax number, one bank account, or one name but for its legal form, merged or still open, "
        "for each thousand suppliers that are not retired"
    ),
    owner="steward",
    hears=(Supplier,),
    step=step,
    kind="open or merged",
)
