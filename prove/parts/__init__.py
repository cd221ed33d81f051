"""One proof per file: ``PART = Part(...)``, found because it is in this folder."""
