"""The whole network in one thread, driven by one seed: what goes wrong, what must hold all the same, and which seed breaks it."""
