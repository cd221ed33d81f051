"""A hospital group in a box: twins of every counterpart, the generator of its day, and the run that joins them to Suture.

Law: twins know nothing of Suture's insides; they hold their own numbers and states, and the truth is counted in them.
"""
