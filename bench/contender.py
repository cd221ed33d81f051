"""Who does the work of a bout: ours in one process or in several, the limit, and what a hospital could pick instead."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from msgspec import Struct

from bench.others import node_red


class Contender(Struct, frozen=True, kw_only=True):
    """A name in the table, and the processes behind it; ``store`` is the one database that it uses, "" for any."""

    name: str
    store: str = ""
    #: The module of another's program; ours if there is none.
    module: str = ""
    #: Of ours, the roles of each process.
    roles: tuple[str, ...] = ("gateway,worker,deliver",)

    def uses(self, store: str) -> bool:
        """Whether it runs on that database."""
        return self.store in ("", store)


OURS = Contender(name="ours")
#: Who takes in has a process of its own, as `suture run --role gateway` gives it one.
APART = Contender(name="ours, the gateway apart", store="PostgreSQL", roles=("worker,deliver", "gateway"))
#: What the machine can do at all.
LIMIT = Contender(name="the limit", module="bench.limit_relay")


def others() -> Iterator[Contender]:
    """What could be taken instead, where it is installed; Node-RED keeps nothing, whatever database there is."""
    if node_red.installed():
        yield Contender(name="Node-RED, which keeps nothing", store="SQLite", module="bench.others.node_red")
    if find_spec("celery") and find_spec("requests"):
        from bench.others import celery_relay

        if celery_relay.available():
            yield Contender(name="Celery, RabbitMQ and PostgreSQL", store="PostgreSQL", module="bench.others.celery_relay")
