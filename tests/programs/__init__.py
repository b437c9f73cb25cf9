"""Programs that tests run as ``python -m tests.programs.NAME``."""
