"""The programs on docs/shards.md, run as they stand on shards of two documents."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

from udfs.shards import Manifest, ShardWriter, Tokenizer, write_manifest

PAGE = Path(__file__).resolve().parents[2] / "docs/shards.md"
DOCUMENTS = [[5, 6, 7, 1], [8, 1]]
ROW = {"source": "c4-en", "url": None, "snapshot": None, "n_bytes": 3, "quality": None, "lang": None, "dup_cluster": 0}


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The page's programs, in a folder with a data set named `shards`."""
    folder = str(tmp_path / "shards")
    with ShardWriter(folder, "train/c4-en/shard-00000", 300) as writer:
        for number, ids in enumerate(DOCUMENTS):
            writer.write(np.array(ids), ROW | {"doc_id": str(number)})
    splits = {"train": {"c4-en": [writer.shard]}}
    tokenizer = Tokenizer("0" * 64, 300, None, 1, None)
    write_manifest(folder, Manifest("pretrain", "ids EOS", tokenizer, {"seed": 0, "key": ""}, {}, splits))
    monkeypatch.chdir(tmp_path)
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


def test_plain_numpy_reads_a_document(programs: list[str]) -> None:
    names: dict = {}
    exec(programs[0], names)
    assert names["first_document"].tolist() == DOCUMENTS[0]


def test_datatroves_index_says_where_documents_end(programs: list[str], tmp_path: Path) -> None:
    names: dict = {}
    exec(programs[0] + programs[1], names)
    prefix = tmp_path / "shards/train/c4-en/shard-00000"
    assert np.fromfile(f"{prefix}.ds.index", "<u8").tolist() == [4, 6]
    assert np.fromfile(f"{prefix}.ds", "<u2").tolist() == [token for ids in DOCUMENTS for token in ids]


@pytest.mark.skipif(not importlib.util.find_spec("datasets"), reason="datasets is not installed")
def test_hugging_faces_datasets_holds_every_document(programs: list[str], tmp_path: Path) -> None:
    names: dict = {}
    exec(programs[0] + programs[2], names)
    assert names["dataset"]["input_ids"][:] == DOCUMENTS
