"""``python -m live``: set up what is missing, prove Tryton alone, then run procure-to-pay and count in the peers."""

from __future__ import annotations

import sys

from live import procure_to_pay, setup, tryton_alone
from live.processes import heed_signals


def main() -> int:
    """0 if every document is in its peer exactly once."""
    heed_signals()
    setup.main()
    print("\nTryton alone, each document made doubtful:")
    alone = tryton_alone.main()
    print("\nProcure-to-pay through Tryton, mock-edi and mock-bank:")
    return procure_to_pay.main() or alone


if __name__ == "__main__":
    sys.exit(main())
