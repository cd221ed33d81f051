"""``python -m suture`` is the ``suture`` command."""

from suture.cli import main

main()
