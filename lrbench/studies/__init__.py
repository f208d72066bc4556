"""Policies of what to train next, seeing what is there; and the range test, which stores nothing."""
