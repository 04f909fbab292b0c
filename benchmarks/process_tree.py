"""CPU seconds and memory of a process and all below it: Python, the JVM, its Python workers. Needs Linux."""

import os
import threading
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


class Tree:
    """What this process and all below it have used: Python, the JVM, its Python workers, those that have ended too."""

    def __init__(self) -> None:
        self.seconds: dict[int, float] = {}
        self.peak_mib = 0.0
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self) -> None:
        while True:
            self.look()
            time.sleep(1)  # a look costs some milliseconds, which count too

    def look(self) -> None:
        processes = {pid: found for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if (found := usage(pid))}
        tree = {os.getpid()}
        while more := {pid for pid, (parent, _, _) in processes.items() if parent in tree} - tree:
            tree |= more
        self.seconds.update({pid: processes[pid][1] for pid in tree})
        self.peak_mib = max(self.peak_mib, sum(processes[pid][2] for pid in tree))

    def cpu_seconds(self) -> float:
        self.look()
        return sum(list(self.seconds.values()))


def usage(pid: int) -> tuple[int, float, float] | None:
    """(parent, CPU seconds, MiB of memory of its own) of a process; None when it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        pages = Path(f"/proc/{pid}/statm").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    own = (int(pages[1]) - int(pages[2])) * os.sysconf("SC_PAGE_SIZE") / 2**20
    return int(fields[1]), (int(fields[11]) + int(fields[12])) / TICKS, own
