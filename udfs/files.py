"""Files on any file system that fsspec knows (local, hdfs://, s3a://): open, publish in one step, fingerprint.

hdfs:// is spoken by hdfs-native, s3:// and s3a:// by s3fs, both without a JVM; where a cluster's name node is and who
may read a bucket is theirs to find: in HADOOP_CONF_DIR, in AWS_* and the other places that botocore looks at.
"""

import errno
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

from udfs.errors import InputError, UsageError

CHUNK_BYTES = 8 << 20
OBJECT_STORE = {"use_listings_cache": False, "default_block_size": CHUNK_BYTES}
"""A cached listing would not show what other processes write."""
OPTIONS = {"s3": OBJECT_STORE, "s3a": OBJECT_STORE}


def locate(uri: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """The file system that holds `uri`, and the path on it. Raises UsageError for a scheme that nothing here reads."""
    try:
        return fsspec.core.url_to_fs(uri, **OPTIONS.get(uri.partition("://")[0], {}))
    except (ImportError, ValueError) as error:
        raise UsageError(f"{uri}: {error}", "install what reads this scheme, or give another place") from error


def is_local(fs: fsspec.AbstractFileSystem) -> bool:
    return "file" in fs.protocol


def _is_hdfs(fs: fsspec.AbstractFileSystem) -> bool:
    return fs.protocol in ("hdfs", "viewfs")


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
        found: Any = fs.cat_file(path, start=start, end=start + n_bytes)
        return found
    except FileNotFoundError as error:
        raise InputError(f"{uri}: no such file") from error


@contextmanager
def as_local(uri: str) -> Iterator[str]:
    """A path for libraries that read local files only: the file's own, or that of a copy which goes with the context.
    Raises InputError when it is not there."""
    fs, path = locate(uri)
    if not fs.isfile(path):
        raise InputError(f"{uri}: no such file")
    if is_local(fs):
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
        self.closed = False  # Arrow asks

    def write(self, data: Any) -> int:
        content = memoryview(data).cast("B")  # hdfs-native takes the items of an array for its bytes
        self._stream.write(content)
        self._sha256.update(content)
        self.n_bytes += content.nbytes
        return content.nbytes

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()


@contextmanager
def publish(uri: str) -> Iterator[HashingWriter]:
    """A file that appears under `uri` complete or not at all, in one step, over what stood there before.

    Two attempts at one task may publish the same name: the last one stands, and the bytes are equal.
    """
    fs, path = locate(uri)
    with (_renamed if is_local(fs) or _is_hdfs(fs) else _uploaded)(fs, path) as stream:
        yield HashingWriter(stream)


@contextmanager
def _renamed(fs: fsspec.AbstractFileSystem, path: str) -> Iterator[Any]:
    """Written beside its place, synced, then renamed over it."""
    folder, name = posixpath.split(path)
    temporary = posixpath.join(folder, f"_{name}.{uuid.uuid4().hex[:8]}")  # noqa: TID251 - goes with the rename
    fs.makedirs(folder, exist_ok=True)
    try:
        with fs.open(temporary, "wb") as stream:
            yield stream
            stream.flush()
            if is_local(fs):
                os.fsync(stream.fileno())
        if is_local(fs):
            os.replace(temporary, path)
        else:
            fs.mv(temporary, path, overwrite=True)
    except BaseException:
        if fs.exists(temporary):
            fs.rm(temporary)
        raise


@contextmanager
def _uploaded(fs: fsspec.AbstractFileSystem, path: str) -> Iterator[Any]:
    """An object store shows an object when its upload ends, and a rename there is a copy: written under its own name.
    An upload that fails is given up, since closing its stream would show the beginning as the whole."""
    stream: Any = fs.open(path, "wb")
    try:
        yield stream
        stream.close()
    except BaseException:
        stream.discard()
        stream.closed = True
        raise


def create(uri: str, data: bytes) -> None:
    """Write a file where there is none; who comes second gets FileExistsError.

    The name node decides on HDFS; on S3 it is a conditional put (If-None-Match: *).
    """
    fs, path = locate(uri)
    if _is_hdfs(fs):
        with fs.open(path, "wb", overwrite=False) as stream:
            stream.write(data)  # pyright: ignore[reportArgumentType] - fsspec's types say text
        return
    try:
        fs.pipe_file(path, data, mode="create")
    except OSError as error:
        if error.errno == errno.EINVAL:  # so s3fs spells status 412, Precondition Failed
            raise FileExistsError(f"{uri}: exists") from error
        raise


def write_bytes(uri: str, data: bytes) -> None:
    with publish(uri) as writer:
        writer.write(data)


def delete(uri: str) -> None:
    fs, path = locate(uri)
    fs.rm(path)


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
