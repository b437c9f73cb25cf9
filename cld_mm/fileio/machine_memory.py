"""The physical memory of this machine."""

import os


def machine_memory() -> int | None:
    """Bytes of physical memory; None where the system does not say (Windows)."""
    try:
        return os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
    except (AttributeError, ValueError, OSError):
        return None
