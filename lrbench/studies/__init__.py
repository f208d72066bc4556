"""Policies: what to train next, seeing what is there."""
