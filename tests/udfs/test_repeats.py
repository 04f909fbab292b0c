"""How often documents are repeated: whole epochs exactly, parts of one by a draw that depends on ids alone."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from udfs.repeats import Repeats, copies, factors


def batch_of(n: int, quality: float | None = None, cluster_size: int | None = None, source: str = "web"):
    return pa.RecordBatch.from_pydict(
        {
            "id": [f"{i:032x}" for i in range(n)],
            "source": [source] * n,
            "quality_score": pa.array([quality] * n, pa.float64()),
            "cluster_size": pa.array([cluster_size] * n, pa.int64()),
        }
    )


def copies_of(batch: pa.RecordBatch, repeats: Repeats, seed: int = 7) -> np.ndarray:
    return copies(batch, np.zeros(batch.num_rows, np.bool_), repeats, seed)


def test_whole_epochs_are_exact():
    for epochs in (0, 1, 2, 5):
        assert set(copies_of(batch_of(50), Repeats({"web": epochs}))) == {epochs}


def test_a_part_of_an_epoch_is_drawn_for_each_document():
    found = copies_of(batch_of(4000), Repeats({"web": 2.3}))
    assert set(found) == {2, 3}
    assert abs((found == 3).mean() - 0.3) < 0.03


@given(st.floats(0, 4), st.floats(0, 4))
def test_more_epochs_never_take_a_document_away(first: float, second: float):
    fewer, more = (copies_of(batch_of(30), Repeats({"web": epochs})) for epochs in sorted([first, second]))
    assert (fewer <= more).all()


def test_the_draw_depends_on_id_and_seed_and_not_on_the_batch():
    whole = copies_of(batch_of(100), Repeats({"web": 0.5}))
    halves = [copies_of(batch_of(100)[start : start + 50], Repeats({"web": 0.5})) for start in (0, 50)]
    assert whole.tolist() == np.concatenate(halves).tolist()
    assert whole.tolist() != copies_of(batch_of(100), Repeats({"web": 0.5}), seed=8).tolist()


def test_quality_bins_give_factors_and_leave_out_what_is_below_them_all():
    repeats = Repeats({}, quality=((0.9, 3.0), (0.5, 1.0), (0.2, 0.5)))
    found = [factors(batch_of(1, quality), repeats)[0] for quality in (0.95, 0.9, 0.6, 0.3, 0.1, None)]
    assert found == [3.0, 3.0, 1.0, 0.5, 0.0, 1.0]


def test_copies_in_the_crawl_give_a_factor_with_a_limit():
    repeats = Repeats({}, cluster_power=0.5, cluster_most=3.0)
    assert [factors(batch_of(1, cluster_size=size), repeats)[0] for size in (1, 4, 9, 100)] == [1.0, 2.0, 3.0, 3.0]
    assert factors(batch_of(1, cluster_size=100), Repeats({}))[0] == 1.0


def test_held_out_documents_stand_once_unless_their_source_is_left_out():
    held_out = np.array([True, False, True])
    assert copies(batch_of(3), held_out, Repeats({"web": 3.0}), 7).tolist() == [1, 3, 1]
    assert copies(batch_of(3), held_out, Repeats({"web": 0.0}), 7).tolist() == [0, 0, 0]
