"""An ablation of the small run, from held-out text to the result; its models are too tiny to say who wins."""

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest
from tiny_corpus import Command, Finished, TinyRun, english

from pipelines.hold_out import PASSAGE_CHARS
from udfs.shards import read_manifest

pytest.importorskip("torch", reason="torch is not installed: pip install 'gristmill[trainer]'")

ARMS = ["raw", "clean", "random", "worst:gopher.word_count"]
SMALL = {"tokens": [512], "seeds": 1, "seq_len": 32, "sequences": 4, "windows": 8, "at_once": 2}


class Ablation(NamedTuple):
    root: Path
    settings: Path
    finished: Finished

    @property
    def file(self) -> Path:
        return self.root / "ablations" / "small" / "result.json"

    @property
    def result(self) -> dict[str, Any]:
        return json.loads(self.file.read_text())

    def arm(self, name: str) -> Path:
        return self.root / "ablations" / "small" / "arms" / name

    def kept(self, name: str) -> set[str]:
        """The ids of the documents in an arm's shards."""
        shards = (self.arm(name) / "shards").rglob("*.docs.parquet")
        return {doc_id for shard in shards for doc_id in pq.ParquetFile(shard).read(["doc_id"])["doc_id"].to_pylist()}


@pytest.fixture(scope="module")
def ablation(gristmill: Command, tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Ablation:
    """The whole thing, in a copy of the run; of the held-out texts one holds what a document of the crawl holds too."""
    folder = tmp_path_factory.mktemp("ablation")
    shutil.copytree(tiny_run.root, folder / "run")
    texts = [english(200 + i, 20) for i in range(6)] + [f"{english(4)}\n{english(210, 20)}"]
    gold = folder / "gold.jsonl"
    gold.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    tree = json.loads(tiny_run.settings.read_text())
    ablate = {"name": "small", "arms": ARMS, "held_out": [str(gold)], **SMALL}
    settings = folder / "settings.yaml"
    settings.write_text(json.dumps({**tree, "output": str(folder / "run"), "ablate": ablate}))
    finished = gristmill("ablate", "--settings", settings)
    assert finished.code == 0, finished.err
    return Ablation(folder / "run", settings, finished)


def test_every_arm_has_a_row_and_all_but_the_reference_a_difference(ablation: Ablation):
    result = ablation.result
    names = ["raw", "clean", "random", "worst-gopher.word_count"]
    assert [arm["name"] for arm in result["arms"]] == names
    overall = [row for row in result["differences"] if row["where"] == "all"]
    assert [row["arm"] for row in overall] == [name for name in names if name != "clean"]
    means = {arm["name"]: arm["bits_per_byte"]["all"]["mean"] for arm in result["arms"]}
    for row in overall:
        assert row["value"] == pytest.approx(means[row["arm"]] - means["clean"])
    assert "bits per byte of held-out text, beside clean" in ablation.finished.out
    assert any(warning.startswith("1 seeds say little") for warning in result["warnings"])


def test_arms_keep_what_their_settings_say_and_no_held_out_text(ablation: Ablation, tiny_run: TinyRun):
    kept = {name: ablation.kept(name) for name in ("raw", "clean", "random", "worst-gopher.word_count")}
    clean = {row["id"] for row in tiny_run.rows("clean")}
    assert kept["clean"] == clean - {tiny_run.ids["page-4"]}
    removed = {tiny_run.ids[name] for name in ("german", "code", "page-3", "mirror", "reworded", "exam")}
    assert kept["raw"] > kept["clean"] | removed
    assert tiny_run.ids["page-4"] not in kept["raw"]
    assert kept["random"] < kept["clean"]
    assert len(kept["clean"]) / 4 < len(kept["random"]) < 3 * len(kept["clean"]) / 4
    assert 0 < len(kept["worst-gopher.word_count"]) < len(kept["raw"]) / 4


def test_nothing_was_read_or_measured_again(ablation: Ablation):
    for name in ("raw", "clean"):
        stages = {path.stem for path in (ablation.arm(name) / "runs").glob("*.json")}
        assert not stages & {"ingest", "train_quality", "measure"}
    of_clean = {path.stem for path in (ablation.arm("clean") / "runs").glob("*.json")}
    assert not of_clean & {"filter", "dedup"}  # they would be what the run itself has


def test_all_arms_and_the_held_out_text_have_the_runs_tokenizer(ablation: Ablation):
    tokenizer = read_manifest(str(ablation.root / "shards")).tokenizer.sha256
    held_out = read_manifest(str(ablation.root / "ablations/small/held_out"))
    assert held_out.tokenizer.sha256 == tokenizer == ablation.result["digests"]["tokenizer"]
    assert {read_manifest(str(ablation.arm(name) / "shards")).tokenizer.sha256 for name in ("raw", "clean")} == {
        tokenizer
    }


def test_passages_hold_all_of_the_held_out_text(ablation: Ablation):
    lines = (ablation.root / "ablations/small/held_out_text/passages.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert max(len(row["text"]) for row in rows) == PASSAGE_CHARS
    assert english(205, 20) in "".join(row["text"] for row in rows)


def test_the_same_command_again_does_nothing_and_says_the_same(gristmill: Command, ablation: Ablation):
    before = ablation.file.read_bytes()
    again = gristmill("ablate", "--settings", ablation.settings)
    assert "0 of 4 models are to be trained" in again.err
    assert "packed" not in again.err
    assert (again.out, ablation.file.read_bytes()) == (ablation.finished.out, before)


def test_trainings_that_lost_their_newest_checkpoint_go_on_to_the_same_bits(gristmill: Command, ablation: Ablation):
    before = ablation.file.read_bytes()
    folders = sorted({path.parent for path in (ablation.root / "ablations/trainings").glob("*/scores-*")})[:2]
    for folder in folders:
        next(folder.glob("scores-*")).unlink()
        newest = max((folder / "checkpoints").iterdir(), key=lambda path: path.name)
        shutil.rmtree(newest)  # so that it goes on from the one before
    assert gristmill("ablate", "--settings", ablation.settings).code == 0
    assert ablation.file.read_bytes() == before


def test_list_shows_every_ablation_of_the_run(gristmill: Command, ablation: Ablation):
    listed = gristmill("ablate", "--settings", ablation.settings, "--list")
    assert listed.code == 0
    assert "small" in listed.out
    assert "random" in listed.out


def test_plan_names_the_arms_and_the_time_and_trains_nothing(gristmill: Command, ablation: Ablation):
    before = sorted((ablation.root / "ablations/trainings").iterdir())
    planned = gristmill("ablate", "--settings", ablation.settings, "--plan", "--set", "ablate.tokens=[1024]")
    assert planned.code == 0, planned.err
    assert "about" in planned.err
    assert "4 trainings" in planned.err
    assert set(before) | {ablation.root / "ablations/trainings/speed"} == {
        *before, *(ablation.root / "ablations/trainings").iterdir(),
    }  # fmt: skip


def test_text_that_the_run_has_read_is_no_held_out_text(gristmill: Command, ablation: Ablation, tiny_run: TinyRun):
    for seen in ("c4", "good.jsonl"):
        change = f"ablate.held_out=[{tiny_run.corpus / seen}]"
        refused = gristmill("ablate", "--settings", ablation.settings, "--set", change, "--set", "ablate.name=leak")
        assert refused.code == 2
        assert "has the content of a file that" in refused.err


def test_without_held_out_text_or_measured_documents_it_says_what_to_do(
    gristmill: Command, ablation: Ablation, tmp_path: Path
):
    none = gristmill("ablate", "--settings", ablation.settings, "--set", "ablate.held_out=[]", "--set", "ablate.name=x")
    assert none.code == 66
    assert "name files of good text" in none.err
    empty = gristmill("ablate", "--settings", ablation.settings, "--set", f"output={tmp_path}")
    assert empty.code == 66
    assert "run `gristmill ingest` first" in empty.err


def test_the_report_shows_the_ablation(gristmill: Command, ablation: Ablation):
    assert gristmill("report", "--settings", ablation.settings).code == 0
    page = (ablation.root / "report" / "index.html").read_text()
    section = page[page.index('<section id="ablations">') :].partition("</section>")[0]
    means = {arm["name"]: arm["bits_per_byte"]["all"]["mean"] for arm in ablation.result["arms"]}
    for name, mean in means.items():
        assert name in section
        assert f"{mean:.4f}" in section
    assert gristmill("report", "--settings", ablation.settings).err.count("nothing to do") == 1
