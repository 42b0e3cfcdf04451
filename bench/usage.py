"""What processes use, from /proc (proc(5)): resident memory and CPU time."""

import os
from collections.abc import Iterable
from pathlib import Path

MIB = 1024.0 * 1024.0


def resident_mib(pids: Iterable[int]) -> float:
    """Return the resident set of all of them, in MiB."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the user and system time of all of them since their start, in seconds."""
    ticks = 0
    for pid in pids:
        # the name in parentheses may hold spaces: count from behind it
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
