"""Every operation on a file below a folder, by name; a watch is told before each, and may make it fail or die there.

Names say what is done to which kind of file: "rename documents/part", "write runs/ingest.json". Nothing in the product
knows of them: they come from Python's audit events, from `os.fsync` and from the writes of fsspec's local files. A
fault at a write leaves half of the data in the file, as a full disk does.
"""

import errno
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fsspec.implementations.local import LocalFileOpener

Watch = Callable[[str], None]

EVENTS = {
    "os.rename": "rename",
    "os.remove": "remove",
    "os.rmdir": "remove",
    "os.mkdir": "make",
    "os.listdir": "list",
    "os.scandir": "list",
}
KEYED = re.compile(r"(part|shard)-\d+(-[0-9a-f]{8})?\b")
ASIDE = re.compile(r"(^|/)_([^/]+)\.[0-9a-f]{8}$")

_root = ""
_watch: Watch | None = None
_is_installed = False


def place(path: str) -> str:
    """The kind of file that a path below the folder is: without part numbers, keys and the mark of what is written
    aside."""
    return KEYED.sub(r"\1", ASIDE.sub(r"\1\2", path.removeprefix(_root).lstrip("/"))) or "."


def _tell(verb: str, path: object) -> None:
    """Tell the watch of an operation below the folder; while it looks, its own operations are not told."""
    global _watch
    if _watch is None or not isinstance(path, str) or not path.startswith(_root):
        return
    watch, _watch = _watch, None
    try:
        watch(f"{verb} {place(path)}")
    finally:
        _watch = watch


def _on_event(event: str, arguments: tuple[Any, ...]) -> None:
    if _watch is None:
        return
    if event == "open":
        mode = arguments[1]
        if isinstance(mode, str):
            _tell("read" if mode.startswith("r") else "create", arguments[0])
    elif verb := EVENTS.get(event):
        _tell(verb, arguments[1 if verb == "rename" else 0])


def _install() -> None:
    """Once a process: an audit hook cannot be taken away."""
    global _is_installed
    if _is_installed:
        return
    _is_installed = True
    sys.addaudithook(_on_event)
    write, fsync = LocalFileOpener.write, os.fsync

    def telling_write(self: Any, data: Any) -> int:
        try:
            _tell("write", self.path)
        except OSError:
            write(self, memoryview(data).cast("B")[: memoryview(data).nbytes // 2])
            self.f.flush()
            raise
        return write(self, data)

    def telling_fsync(fd: int) -> None:
        _tell("sync", os.readlink(f"/proc/self/fd/{fd}") if _watch else None)
        fsync(fd)

    LocalFileOpener.write = telling_write  # type: ignore[method-assign]
    os.fsync = telling_fsync


@contextmanager
def watched(root: str, watch: Watch) -> Iterator[None]:
    """Have `watch` told the name of every operation below `root`, before it is done."""
    global _root, _watch
    _install()
    _root, _watch = str(root).rstrip("/"), watch
    try:
        yield
    finally:
        _watch = None


def strike(kind: str, operation: str) -> None:
    """The fault itself: SIGKILL for this process, or an error of the operating system."""
    if kind == "KILL":
        os.kill(os.getpid(), signal.SIGKILL)
    code = getattr(errno, kind)
    raise OSError(code, os.strerror(code), operation)


class FaultAt:
    """A watch that strikes at operation number `number` of all, or of those called `name`."""

    def __init__(self, number: int, kind: str, name: str | None = None) -> None:
        self._left, self._kind, self._name = number, kind, name

    def __call__(self, operation: str) -> None:
        if self._name in (None, operation):
            self._left -= 1
            if self._left == -1:
                strike(self._kind, operation)
