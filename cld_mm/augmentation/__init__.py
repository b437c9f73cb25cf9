"""Random view parameters, and their NumPy and batched torch implementations."""
