"""A slice of every long proof, so that it cannot rot between its full runs."""
