"""The independent verifier of what ``suture export`` writes: it shares no code with Suture and needs only ``cryptography``.

Checked, from the events alone: the hash chain over every event; each checkpoint's count, head and signature; that positions
increase and no unique key comes twice; that every cause, every beginning and every decided event exists before it is named;
that no event is decided twice under one key; that every delivery is owed once, ended only if it was owed, at the instance it
was owed to, and never again after it was done or cancelled; that every exception that was resolved was open; that every
accepted document is in exactly one state, and whatever is parked has somebody who was asked; that header and trailer agree
with what lies between them.

What cannot be detected from one file alone, whoever checks it:

* **Whole checkpoints cut off the end.** An export that stops at an earlier checkpoint, with header and trailer written anew,
  is what an export made at that time would have been. Keep the last line of each verdict elsewhere (on paper, with the
  auditor) and pass it as ``--anchor POSITION:HEAD`` the next time: then the cut is found.
* **Everything written and signed anew** by whoever has the hospital's private key, or with another key, if the key is taken from
  the file. Pass the hospital's own with ``--public-key``; against the holder of the private key an anchor helps.
* **A checkpoint left out** between two others, with header and trailer written anew: the next one covers the same events, so no
  event can be touched with its help.
* **The JSON Schema in the header**: it helps readers, it is not signed, and nothing here rests on it.
* **What never reached the journal.** The ledger of the counterpart tells; compare the two.
"""

from __future__ import annotations

from verifier.chain import fingerprint, public_key
from verifier.checking import Report, verify
from verifier.findings import Finding
from verifier.reading import NotAnExport
from verifier.verdict import verdict

__all__ = ["Finding", "NotAnExport", "Report", "fingerprint", "public_key", "verdict", "verify"]
