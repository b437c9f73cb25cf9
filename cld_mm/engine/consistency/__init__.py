"""Checks that all ranks have the same setup, data and weights."""
