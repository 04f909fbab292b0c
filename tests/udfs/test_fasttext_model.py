"""Reading lid.176.ftz: what is in it, and what is said of files that are damaged or hold something else."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from udfs.errors import InputError
from udfs.fasttext_model import DIM, read_model
from udfs.language import default_model

N_BYTES, N_DICTIONARY_BYTES = 938_013, 117_150
DAMAGES = [
    (0, b"{json", "the first number of a fastText file is"),
    (4, b"\x0b", "the version of the format is 11, and 12 is needed"),
    (8, b"\x20", "the argument dim is 32, and 16 is needed"),
    (32, b"\x03", "the argument loss is 3, and 1 is needed"),
    (40, b"\x01\0\0\0", "the argument bucket is 1, and 2000000 is needed"),
    (64, b"\0\0\0\x7f", "no pruned model"),
    (84, b"\xff" * 8, "no pruned model"),
    (92, b"x", "the word </s> is missing"),
    (105, b"\x01", "the type of an entry is 1, and 0 is needed"),
    (117_141, b"\xff" * 8, "with count -1"),
    (117_150, b"\xff" * 4, "different buckets below 2000000"),
    (117_154, b"\xff" * 4, "different buckets below 2000000"),
    (459_270, b"\0", "whether the rows are quantised is 0, and 1 is needed"),
    (459_272, b"\x51", "the number of rows is 50001, and 50000 is needed"),
    (459_288, b"\x81", "do not cut 50000 rows"),
    (859_300, b"\x03", "a quantiser's width of a part is 3, and 2 is needed"),
    (859_308, b"\xff" * 4, "infinities or NaN among the centroids"),
    (926_733, b"\xff" * 8, "the number of output rows is -1, and 176 is needed"),
    (938_013, b"more", "the file has 4 more bytes"),
]


@pytest.fixture(scope="module")
def content() -> bytes:
    return Path(default_model()).read_bytes()


def test_the_model_has_the_sizes_that_its_file_states() -> None:
    model = read_model(default_model())
    assert len(model.labels) == 176
    assert model.labels[:3] == ("en", "ru", "de")
    assert len(model.words) == 7235
    assert model.words[0] == b"</s>"
    assert model.vectors.shape == (50_000, DIM)
    assert np.unpackbits(model.features.is_kept.view(np.uint8)).sum() == 42_765
    assert model.features.rows[36_627] == 7235 + 3590, "the bucket of the n-gram <é"


def test_the_tree_is_a_tree_and_its_rarest_labels_stand_deepest() -> None:
    left, right, _ = read_model(default_model()).tree
    children = np.concatenate([left[176:], right[176:]])
    assert sorted(children) == list(range(350)), "every node but the root has one parent"
    assert (left[176], right[176]) == (175, 174)
    assert {left[350], right[350]} == {348, 349}


@pytest.mark.parametrize(("position", "damage", "said"), DAMAGES)
def test_damage_is_named_with_its_place(
    content: bytes, tmp_path: Path, position: int, damage: bytes, said: str
) -> None:
    file = tmp_path / "model.ftz"
    file.write_bytes(content[:position] + damage + content[position + len(damage) :])
    with pytest.raises(InputError, match=rf"model\.ftz: byte \d+: .*{said}") as error:
        read_model(str(file))
    assert "lid.176.ftz" in error.value.hint


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(n_bytes=st.integers(0, N_BYTES - 1))
def test_a_file_cut_anywhere_is_refused(content: bytes, tmp_path: Path, n_bytes: int) -> None:
    file = tmp_path / "model.ftz"
    file.write_bytes(content[:n_bytes])
    with pytest.raises(InputError, match="byte"):
        read_model(str(file))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, N_DICTIONARY_BYTES - 1), byte=st.integers(0, 255))
def test_a_wrong_byte_never_ends_in_another_error(content: bytes, tmp_path: Path, position: int, byte: int) -> None:
    file = tmp_path / "model.ftz"
    file.write_bytes(content[:position] + bytes([byte]) + content[position + 1 :])
    with suppress(InputError):
        assert len(read_model(str(file)).labels) == 176
