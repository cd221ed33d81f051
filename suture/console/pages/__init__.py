"""The pages of the console, each one value ``PAGE`` in one file."""
