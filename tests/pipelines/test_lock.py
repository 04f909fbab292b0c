"""The lock where no kernel holds it: one owner at a time, the dead ones' is taken over."""

import json
import signal
import threading
import uuid

import pytest

from pipelines import lock
from pipelines.lock import exclusive
from pipelines.run import Run
from udfs import files
from udfs.errors import BusyError


@pytest.fixture
def run(monkeypatch) -> Run:
    """A run on a file system that is not local, and a quick pulse."""
    monkeypatch.setattr(lock, "BEAT", 0.02)
    monkeypatch.setattr(lock, "PATIENCE", 0.2)
    return Run(f"memory://{uuid.uuid4().hex}")


def lock_of(run: Run) -> str:
    return run.path("runs", ".lock")


def test_a_second_command_is_refused_and_the_owner_named(run):
    with (
        exclusive(run, "gristmill run"),
        pytest.raises(BusyError, match=r"in use by process \d+ on .* \(gristmill run\)"),
        exclusive(run, "gristmill filter"),
    ):
        pass
    assert not files.exists(lock_of(run))


def test_a_lock_that_stands_still_is_taken_over(run):
    files.create(lock_of(run), b'{"host": "gone", "pid": 1, "command": "gristmill run", "beats": 7}')
    with exclusive(run, "gristmill filter"):
        assert json.loads(files.read_bytes(lock_of(run)))["command"] == "gristmill filter"


def test_a_lock_that_goes_while_another_waits_is_free(run):
    files.create(lock_of(run), b"{}")
    threading.Timer(0.05, files.delete, [lock_of(run)]).start()
    with exclusive(run, "gristmill filter"):
        pass


def test_an_owner_that_slept_too_long_stops_and_leaves_the_lock_of_the_next(run, monkeypatch):
    stopped = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    try:
        with exclusive(run, "gristmill run"):
            files.write_bytes(lock_of(run), b'{"token": "of another"}')
            assert stopped.wait(5)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert b"of another" in files.read_bytes(lock_of(run))


def test_a_lock_without_a_name_yet_is_respected(run):
    files.create(lock_of(run), b"")
    threading.Timer(0.05, files.write_bytes, [lock_of(run), b"half"]).start()
    with pytest.raises(BusyError, match="not yet written its name"), exclusive(run, "gristmill filter"):
        pass


def test_a_lock_that_goes_in_the_last_moment_is_free(run, monkeypatch):
    monkeypatch.setattr(lock, "PATIENCE", lock.BEAT)
    files.create(lock_of(run), b"{}")
    monkeypatch.setattr(lock.time, "sleep", lambda _: files.delete(lock_of(run)))
    lock.await_death(lock_of(run))
    assert not files.exists(lock_of(run))
