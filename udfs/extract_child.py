"""Extraction in a child process, so that a page that breaks a C library costs that page alone.

A page that ends the child (a crash, too much memory, too much time) is tried once more in a fresh child; when that ends
too, the page is given up. Time is the child's own CPU time and memory its own address space, so a loaded machine comes
to the verdict of an idle one. Both limits lie far above what a page within the budgets of the extractors takes: they
are for what those do not foresee.

Parent and child talk through pipes: four bytes of length, then UTF-8. The child ends when its input does, so it does
not outlive its parent.
"""

import functools
import gc
import json
import os
import resource
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import IO, Literal

from udfs.extraction import Extraction, Options

Library = Literal["trafilatura", "resiliparse"]
Extract = Callable[[bytes, Options], Extraction]
PIPE_BYTES = 1 << 20  # a page goes through in one piece; 64 KiB, the usual size, cost two switches of process each
TRIES = 2
MAX_CPU_SECONDS = 60.0
MAX_ADDRESS_BYTES = 4 << 30
_LENGTH = struct.Struct("<I")


class ExtractChild:
    """A child that extracts one page after another, started at the first page and again after each death.

    `command` is a program that calls `serve`.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._child: subprocess.Popen[bytes] | None = None

    def extract(self, page: bytes) -> Extraction:
        """What the child makes of the page in UTF-8; the reason is `extractor_died` when it died of it TRIES times."""
        for _ in range(TRIES):
            answer = self._ask(page)
            if answer is not None:
                return Extraction(**json.loads(answer))
            self.close()
        return Extraction(None, "extractor_died")

    def _ask(self, page: bytes) -> bytes | None:
        """The child's answer; None when it ended instead."""
        self._child = self._child or self._start()
        requests, answers = self._child.stdin, self._child.stdout
        if requests is None or answers is None:
            raise ValueError("the child was started without pipes")
        try:
            _send(requests, page)
        except BrokenPipeError:
            return None
        return _receive(answers)

    def _start(self) -> subprocess.Popen[bytes]:
        paths = os.pathsep.join(path for path in sys.path if path)  # in a Spark worker our code may stand in a zip
        environment = os.environ | {"PYTHONPATH": paths}
        return subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, pipesize=PIPE_BYTES
        )

    def close(self) -> None:
        """End the child, if there is one."""
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None

    def __del__(self) -> None:
        self.close()


@functools.lru_cache(maxsize=1)
def extract_child(library: Library, options: Options) -> ExtractChild:
    """The child of this process for this library and these options."""
    return ExtractChild([sys.executable, "-m", "udfs.extract_child", library, json.dumps(asdict(options))])


def load_extractor(library: str) -> Extract:
    """The extractor of that name; only its own library is imported, which is slow to."""
    if library == "trafilatura":
        from udfs.extract_trafilatura import extract_trafilatura

        return extract_trafilatura
    from udfs.extract_resiliparse import extract_resiliparse

    return extract_resiliparse


def serve(extract: Callable[[bytes], Extraction]) -> None:
    """Answer pages from standard input until it ends, each within the limits."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_ADDRESS_BYTES, MAX_ADDRESS_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    gc.freeze()  # what is loaded stays, so the collector need not walk through it at every page
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # what a library prints must not pass for an answer
        while (page := _receive(sys.stdin.buffer)) is not None:
            signal.setitimer(signal.ITIMER_PROF, MAX_CPU_SECONDS)  # SIGPROF ends a process that does not handle it
            found = extract(page)
            signal.setitimer(signal.ITIMER_PROF, 0)
            _send(answers, json.dumps(asdict(found)).encode())


def _send(stream: IO[bytes], message: bytes) -> None:
    stream.write(_LENGTH.pack(len(message)))
    stream.write(message)
    stream.flush()


def _receive(stream: IO[bytes]) -> bytes | None:
    """The next message; None when the stream ends before its end."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    message = stream.read(length)
    return message if len(message) == length else None


if __name__ == "__main__":
    extract, options = load_extractor(sys.argv[1]), Options(**json.loads(sys.argv[2]))
    serve(lambda page: extract(page, options))
