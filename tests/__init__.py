"""The test suite of Suture; each folder mirrors one of the package."""
