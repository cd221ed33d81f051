"""The live counterparts: peers that nobody here wrote, each in its own environment, and the runs that count in them."""
