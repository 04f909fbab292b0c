"""Files appear complete or not at all, and their digests are those of their bytes."""

import hashlib
from array import array
from pathlib import Path

import pytest

from udfs import files
from udfs.errors import InputError, UsageError


def test_a_published_file_has_the_bytes_and_digest_that_were_written(tmp_path):
    with files.publish(str(tmp_path / "deep" / "file")) as writer:
        writer.write(b"one")
        writer.write(memoryview(b"two"))
    assert (tmp_path / "deep" / "file").read_bytes() == b"onetwo"
    assert writer.n_bytes == 6
    assert writer.sha256 == hashlib.sha256(b"onetwo").hexdigest()


def test_an_array_is_written_as_its_bytes(tmp_path):
    numbers = array("H", [1, 300, 65535])
    with files.publish(str(tmp_path / "file")) as writer:
        assert writer.write(numbers) == writer.n_bytes == 6
    assert (tmp_path / "file").read_bytes() == numbers.tobytes()


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    target = tmp_path / "file"
    target.write_bytes(b"old")
    with pytest.raises(RuntimeError), files.publish(str(target)) as writer:  # noqa: PT012 - the block is what fails
        writer.write(b"half of the new")
        raise RuntimeError
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_is_not_visible_before_it_is_complete(tmp_path):
    with files.publish(str(tmp_path / "file")) as writer:
        writer.write(b"something")
        assert not (tmp_path / "file").exists()
    assert (tmp_path / "file").exists()


def test_a_missing_file_is_an_input_error_that_names_it(tmp_path):
    for read in (files.read_bytes, files.fingerprint, files.stat):
        with pytest.raises(InputError, match="nowhere"):
            read(str(tmp_path / "nowhere"))
    assert files.size(str(tmp_path / "nowhere")) is None


def test_a_folder_in_a_files_place_is_an_input_error_that_names_it(tmp_path):
    with pytest.raises(InputError, match=f"{tmp_path}: cannot be read"):
        files.read_bytes(str(tmp_path))


def test_a_scheme_that_nothing_reads_is_a_usage_error_that_names_it():
    with pytest.raises(UsageError, match="nosuch://n/file"):
        files.locate("nosuch://n/file")


def test_a_range_is_read_alone_and_ends_where_the_file_does(tmp_path):
    (tmp_path / "file").write_bytes(b"0123456789")
    assert files.read_range(str(tmp_path / "file"), 3, 4) == b"3456"
    assert files.read_range(str(tmp_path / "file"), 8, 4) == b"89"
    with pytest.raises(InputError, match="nowhere: no such file"):
        files.read_range(str(tmp_path / "nowhere"), 0, 1)


def test_a_name_that_the_disk_does_not_take_leaves_nothing(tmp_path):
    with pytest.raises(OSError, match="name too long"):
        files.write_bytes(str(tmp_path / ("x" * 250)), b"some")
    assert not list(tmp_path.iterdir())


def test_who_creates_a_file_second_is_told(tmp_path):
    files.create(str(tmp_path / "file"), b"first")
    with pytest.raises(FileExistsError):
        files.create(str(tmp_path / "file"), b"second")
    assert (tmp_path / "file").read_bytes() == b"first"


def test_a_local_file_is_read_in_place_and_another_from_a_copy_that_goes(tmp_path):
    (tmp_path / "model").write_bytes(b"bytes")
    with files.as_local(str(tmp_path / "model")) as path:
        assert path == str(tmp_path / "model")
    files.locate("memory://model")[0].pipe_file("/model", b"far bytes")
    with files.as_local("memory://model") as path:
        assert Path(path).read_bytes() == b"far bytes"
    assert not Path(path).exists()
    with pytest.raises(InputError, match="nowhere"), files.as_local("memory://nowhere"):
        pass


@pytest.mark.parametrize(
    ("parts", "joined"),
    [(("/a/", "b"), "/a/b"), (("hdfs://n:1/run", "x", "y"), "hdfs://n:1/run/x/y"), (("/", "b"), "/b")],
)
def test_paths_and_uris_join_alike(parts, joined):
    assert files.join(*parts) == joined
