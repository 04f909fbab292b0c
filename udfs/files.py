"""Files on any file system that fsspec knows (local, hdfs://, s3://): open, publish in one step, fingerprint."""

import hashlib
import os
import posixpath
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

import fsspec

from udfs.errors import InputError

CHUNK_BYTES = 8 << 20


def locate(uri: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """The file system that holds `uri`, and the path on it."""
    return fsspec.core.url_to_fs(uri)


def join(folder: str, *names: str) -> str:
    """`folder` and `names` as one path or URI: join("hdfs://n/run", "runs", "a.json") == "hdfs://n/run/runs/a.json"."""
    return posixpath.join(folder.rstrip("/") or "/", *names)


def exists(uri: str) -> bool:
    fs, path = locate(uri)
    return fs.exists(path)


def size(uri: str) -> int | None:
    """Bytes in the file, or None when there is no such file."""
    fs, path = locate(uri)
    try:
        return fs.size(path)
    except FileNotFoundError:
        return None


def open_read(uri: str) -> IO[bytes]:
    fs, path = locate(uri)
    try:
        return fs.open(path, "rb")  # pyright: ignore[reportReturnType] - fsspec's types say text
    except FileNotFoundError as error:
        raise InputError(f"{uri}: no such file") from error
    except (PermissionError, IsADirectoryError, NotADirectoryError) as error:
        raise InputError(f"{uri}: cannot be read: {error.strerror or error}") from error


def read_bytes(uri: str) -> bytes:
    with open_read(uri) as stream:
        return stream.read()


def read_range(uri: str, start: int, n_bytes: int) -> bytes:
    """`n_bytes` of a file from `start` on, fetched alone; fewer where the file ends."""
    fs, path = locate(uri)
    try:
        return fs.cat_file(path, start, start + n_bytes)  # pyright: ignore[reportReturnType] - fsspec's types say text
    except FileNotFoundError as error:
        raise InputError(f"{uri}: no such file") from error


@contextmanager
def as_local(uri: str) -> Iterator[str]:
    """A path for libraries that read local files only: the file's own, or that of a copy which goes with the context.
    Raises InputError when it is not there."""
    fs, path = locate(uri)
    if not fs.isfile(path):
        raise InputError(f"{uri}: no such file")
    if "file" in fs.protocol:
        yield path
        return
    with tempfile.NamedTemporaryFile() as copy:
        fs.get_file(path, copy.name)
        yield copy.name


class HashingWriter:
    """A binary file that counts and digests what is written to it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._sha256 = hashlib.sha256()
        self.n_bytes = 0
        self.closed = False

    def write(self, data: Any) -> int:
        self._stream.write(data)
        self._sha256.update(data)
        n_bytes = memoryview(data).nbytes
        self.n_bytes += n_bytes
        return n_bytes

    def tell(self) -> int:
        return self.n_bytes

    def flush(self) -> None:
        self._stream.flush()

    def close(self) -> None:
        self.closed = True

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()


@contextmanager
def publish(uri: str) -> Iterator[HashingWriter]:
    """A file that appears under `uri` complete or not at all: written beside it, synced, then renamed over it.

    Two attempts at one task may publish the same name; each rename is atomic and the bytes are equal. An object store
    shows an object only when its upload ends, so there the name is written directly.
    """
    fs, path = locate(uri)
    renames = "file" in fs.protocol or "hdfs" in fs.protocol
    temporary = f"{posixpath.dirname(path)}/_{posixpath.basename(path)}.{uuid.uuid4().hex[:8]}" if renames else path
    fs.makedirs(posixpath.dirname(path), exist_ok=True)
    try:
        with fs.open(temporary, "wb") as stream:
            writer = HashingWriter(stream)  # pyright: ignore[reportArgumentType] - fsspec's types say text
            yield writer
            stream.flush()
            if "file" in fs.protocol:
                os.fsync(stream.fileno())
        if renames:
            _rename(fs, temporary, path)
    except BaseException:
        if renames and fs.exists(temporary):
            fs.rm(temporary)
        raise


def _rename(fs: fsspec.AbstractFileSystem, source: str, target: str) -> None:
    if "file" in fs.protocol:
        os.replace(source, target)
    else:
        fs.mv(source, target, overwrite=True)


def write_bytes(uri: str, data: bytes) -> None:
    with publish(uri) as writer:
        writer.write(data)


@dataclass(frozen=True)
class Fingerprint:
    """What identifies a file's content (n_bytes, sha256), and when it was last changed, in seconds since 1970."""

    n_bytes: int
    modified: float
    sha256: str


def stat(uri: str) -> tuple[int, float]:
    """(bytes, time of last change in seconds since 1970) of a file."""
    fs, path = locate(uri)
    try:
        found = fs.info(path)
    except FileNotFoundError as error:
        raise InputError(f"{uri}: no such file") from error
    changed = found.get("mtime") or found.get("LastModified") or found.get("modification_time") or 0
    return found["size"], changed.timestamp() if hasattr(changed, "timestamp") else float(changed)


def fingerprint(uri: str) -> Fingerprint:
    """Read the file once and digest it."""
    n_bytes, modified = stat(uri)
    sha256 = hashlib.sha256()
    with open_read(uri) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            sha256.update(chunk)
    return Fingerprint(n_bytes, modified, sha256.hexdigest())
