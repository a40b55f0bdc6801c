"""How much memory the program may use where it reads what anybody may have written on the disk."""

import resource
from typing import Final

MEMORY_MAX: Final = 1 << 30
"""Bytes of memory that a disk can make the program use."""


def limit_memory() -> None:
    """From now on whatever would need more than that raises MemoryError."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = MEMORY_MAX if hard == resource.RLIM_INFINITY else min(MEMORY_MAX, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
