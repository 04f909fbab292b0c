"""Shards as local files: as they are where they are local, else fetched into a folder that is kept below a size.

What is fetched is compared with the manifest before it is used. The file used longest ago goes first, so a run reads
one shard of each source at a time and needs room for little more. Processes of one machine may share the folder.
"""

import contextlib
import os
import shutil
from pathlib import Path

from udfs import files
from udfs.errors import ContractError, OutputError
from udfs.shards import SUFFIXES, Shard, check_path


class Cache:
    def __init__(self, source: str, folder: str, max_bytes: int) -> None:
        """`source`: the folder of the data set, anywhere."""
        self._source, self._folder, self._max_bytes = source, Path(folder), max_bytes

    @staticmethod
    def is_remote(source: str) -> bool:
        return not files.is_local(files.locate(source)[0])

    def local(self, shard: Shard) -> str:
        """The prefix of the shard's local files. Raises ContractError for bytes that are not the manifest's, InputError
        for a file that is missing, OutputError where the folder cannot be written."""
        if not self.is_remote(self._source):
            return os.path.join(self._source, check_path(shard.path))
        prefix = self._folder / shard.sha256["bin"]
        for kind in shard.sha256:
            local = Path(f"{prefix}{SUFFIXES[kind]}")
            if not local.exists() or local.stat().st_size != shard.bytes[kind]:
                self._fetch(shard, kind, local)
            os.utime(local)
        self._shrink()
        return str(prefix)

    def _fetch(self, shard: Shard, kind: str, local: Path) -> None:
        uri = files.join(self._source, shard.path + SUFFIXES[kind])
        aside = local.with_name(f".{os.getpid()}.{local.name}")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with files.open_read(uri) as stream, aside.open("wb") as out:
                shutil.copyfileobj(stream, out, files.CHUNK_BYTES)
        except OSError as error:
            raise OutputError(f"{aside}: {error.strerror}", "give `cache` a folder with room") from error
        if files.fingerprint(str(aside)).sha256 != shard.sha256[kind]:
            aside.unlink()
            raise ContractError(f"{uri}: its SHA-256 is not the manifest's", "fetch the data set again")
        aside.replace(local)

    def _shrink(self) -> None:
        """Delete what was used longest ago, but for the shard just asked for. A file that is mapped stays readable."""
        held = []
        for file in self._folder.glob("[!.]*"):
            with contextlib.suppress(FileNotFoundError):  # another process was faster
                held.append((file.stat().st_mtime, file.stat().st_size, file))
        n_bytes = sum(size for _, size, _ in held)
        for _, size, file in sorted(held)[: -len(SUFFIXES)]:
            if n_bytes > self._max_bytes:
                n_bytes -= size
                file.unlink(missing_ok=True)
