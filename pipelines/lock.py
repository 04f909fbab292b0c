"""The lock of a run directory: one writing command at a time.

On a local file system the kernel holds it and frees it when the process dies, however it dies. Elsewhere it is a file,
`runs/.lock`, made only where there is none, which its owner writes anew every BEAT seconds. A lock that stands still
for PATIENCE seconds, by the clock of the one who waits, is that of a dead process and is taken over; an owner that was
only asleep finds a lock that is not its own and stops. Nothing here protects the bytes: tasks publish whole files under
names that carry their stage's key, and the record that names them is replaced in one step.
"""

import fcntl
import json
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from pipelines.run import Run
from udfs import files
from udfs.errors import BusyError, InputError
from udfs.secrets import without_secrets

BEAT, PATIENCE = 5.0, 60.0


@contextmanager
def exclusive(run: Run, command: str) -> Iterator[None]:
    """Hold the run directory for one writing command. Raises BusyError, naming the owner, when somebody holds it."""
    uri = run.path("runs", ".lock")
    owner = {"host": socket.gethostname(), "pid": os.getpid(), "command": without_secrets(command)}
    fs, path = files.locate(uri)
    if files.is_local(fs):
        fs.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "a+b") as lock:
            _lock_local(lock, uri, json.dumps(owner).encode())
            yield
    else:
        with Lease(uri, owner):
            yield


def _lock_local(lock: IO[bytes], uri: str, owner: bytes) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        raise _busy(uri, lock.read()) from None
    lock.truncate(0)
    lock.write(owner)
    lock.flush()


class Lease:
    """A lock file that its owner keeps alive from a thread; use as a context manager."""

    def __init__(self, uri: str, owner: dict[str, object]) -> None:
        self._uri = uri
        self._owner = owner | {"token": uuid.uuid4().hex}  # noqa: TID251 - of whoever holds it
        self._beats = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_alive, daemon=True)

    def _content(self) -> bytes:
        return json.dumps(self._owner | {"beats": self._beats}).encode()

    def __enter__(self) -> "Lease":
        while True:
            with suppress(FileExistsError):
                files.create(self._uri, self._content())
                break
            await_death(self._uri)
        self._thread.start()
        return self

    def _keep_alive(self) -> None:
        while not self._ended.wait(BEAT):
            with suppress(OSError, InputError):  # a file system that is away for a while: the next beat finds it
                if not self._is_ours():
                    os.kill(os.getpid(), signal.SIGTERM)
                    return
                self._beats += 1
                files.write_bytes(self._uri, self._content())

    def _is_ours(self) -> bool:
        return str(self._owner["token"]).encode() in files.read_bytes(self._uri)

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        with suppress(OSError, InputError):
            if self._is_ours():
                files.delete(self._uri)


def await_death(uri: str) -> None:
    """Watch a lock until it is gone, or stands still for PATIENCE seconds and is deleted. Raises BusyError at the first
    sign of life."""
    seen = _look(uri)
    for _ in range(round(PATIENCE / BEAT)):
        if seen is None:
            return
        time.sleep(BEAT)
        now = _look(uri)
        if now is not None and now != seen:
            raise _busy(uri, now)
        seen = now
    if seen is not None and _look(uri) == seen:
        files.delete(uri)


def _look(uri: str) -> bytes | None:
    try:
        return files.read_bytes(uri)
    except InputError:
        return None


def _busy(uri: str, owner: bytes) -> BusyError:
    try:
        found = json.loads(owner)
        who = f"process {found['pid']} on {found['host']} ({found['command']})"
    except (ValueError, KeyError, TypeError):
        who = "a process that has not yet written its name"
    return BusyError(f"{uri}: this output is in use by {who}", "wait for it to end")
