"""Dump a failed training step and run it again."""
