"""What every document is: an immutable, typed record that names the objects it is about."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

# Identifiers that a partner may know under another name. ``extra["code"]`` is the crosswalk's kind:
# intake translates these fields to ours on the way in, delivery to the partner's on the way out.
EntityId = Annotated[str, Meta(min_length=1, max_length=64, extra={"code": "entity"})]
FacilityId = Annotated[str, Meta(min_length=1, max_length=64, extra={"code": "place"})]
PlaceId = Annotated[str, Meta(min_length=1, max_length=64, extra={"code": "place"})]
ItemId = Annotated[str, Meta(min_length=1, max_length=64, extra={"code": "item"})]
SupplierId = Annotated[str, Meta(min_length=1, max_length=64, extra={"code": "supplier"})]
CostCenterId = Annotated[str, Meta(min_length=1, max_length=64, extra={"code": "cost_center"})]

#: A business identifier or short code; never empty, never longer than any standard allows.
Id = Annotated[str, Meta(min_length=1, max_length=128)]
#: A key of the journal's own, made of business identifiers.
Key = Annotated[str, Meta(min_length=1, max_length=1024)]
Text = Annotated[str, Meta(max_length=2000)]
#: Timezone-aware; UTC inside Suture.
Instant = Annotated[datetime, Meta(tz=True)]


#: Roles of references: what a document came from, and a number of the partner's own, under which two partners may count alike.
CAUSE, NUMBER = "cause", "number"


class Ref(Struct, frozen=True, order=True):
    """A qualified reference to an object (an OCEL 2.0 event-to-object relation): type, id, and the object's role."""

    type: str
    id: str
    role: str = ""

    def __str__(self) -> str:
        return f"{self.type}:{self.id}"


class Document(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag=True):
    """A canonical business document; its class name is its type on the wire.

    A subclass has an ``id`` (field or property): the business number under which people know it.
    """

    def refs(self) -> tuple[Ref, ...]:
        """The objects that this document is about, the document itself first."""
        return (Ref(type(self).__name__, getattr(self, "id", "")),)


def only(*refs: Ref | None) -> tuple[Ref, ...]:
    """The given references without blanks and repeats, in order."""
    return tuple(dict.fromkeys(ref for ref in refs if ref is not None and ref.id))
