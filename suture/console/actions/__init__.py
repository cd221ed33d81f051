"""The actions: each file holds one ``ACTION``."""
