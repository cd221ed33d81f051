"""``suture partitions``: into how many parts the work of many processes is divided."""

from __future__ import annotations

from typing import Annotated

import typer

from suture.cli.output import console, counted, fail
from suture.journal import Unavailable


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(partitions)


def partitions(
    count: Annotated[int, typer.Argument(help="How many there are to be.")],
    database: Annotated[str, typer.Option(metavar="URL", help="The journal: postgresql://…")],
) -> None:
    """Divide the work of a journal in PostgreSQL into another number of partitions; its workers go on and share them anew.

    One partition is decided by one process at a time: more partitions than workers, and a few times as many, are enough.

    Examples:

      suture partitions 64 --database postgresql://db.example/suture
    """
    if not database.startswith(("postgresql://", "postgres://")):
        fail("only a journal in PostgreSQL is shared", "name it: --database postgresql://USER@HOST/DATABASE")
    from suture.journal.partitions import divide

    try:
        was, moved = divide(database, count)
    except ValueError as error:
        fail(str(error), "name another number")
    except Unavailable as error:
        fail(str(error), "look whether it runs and the address is right")
    console.print(f"{counted(count, 'partition')} instead of {was:,}; {moved:,} waiting moved", soft_wrap=True, markup=False)
