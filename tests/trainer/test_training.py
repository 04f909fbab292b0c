"""Whole runs on one thread: they learn, stop, go on bit for bit, and refuse what is not theirs."""
# ruff: noqa: E402 - what needs torch is imported after the check for it

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'gristmill[trainer]'")

from trainer import loop
from trainer.settings import Settings
from trainer.stream import Stream
from udfs.errors import ContractError, InputError
from udfs.shards import read_manifest, write_manifest

MakeSettings = Callable[..., Settings]
pytestmark = pytest.mark.usefixtures("one_thread")


def log_of(settings: Settings) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (Path(settings.output) / "log.jsonl").read_text().splitlines()]


def curve(settings: Settings) -> dict[int, tuple[float, float]]:
    """Loss and gradient norm after each step; the last word on a step holds."""
    return {line["step"]: (line["loss"], line["grad_norm"]) for line in log_of(settings) if line["event"] == "update"}


def run(settings: Settings) -> list[str]:
    """What a finished run says."""
    said: list[str] = []
    assert loop.train(settings, said.append) == 0
    return said


def interrupt_after(monkeypatch: pytest.MonkeyPatch, step: int, number: int) -> None:
    """Send this process a signal from within the update that follows `step`."""
    update = loop.update

    def update_and_signal(current: loop.Run, received: list[int]) -> int:
        if current.step == step:
            os.kill(os.getpid(), number)
        return update(current, received)

    monkeypatch.setattr(loop, "update", update_and_signal)


def test_a_model_learns_more_than_token_frequencies(make_settings: MakeSettings) -> None:
    settings = make_settings("phases=[{steps: 150}]", "batch={sequences: 16}", "held_out.every=100")
    said = run(settings)
    start, end = log_of(settings)[0], log_of(settings)[-1]
    assert start["unigram"]["loss"] == pytest.approx(4.1, abs=0.1)  # ln 62, and the EOS
    assert end["below_unigram"]
    assert end["held_out"]["loss"] < 0.6 * start["unigram"]["loss"]
    assert any("unigram entropy of the training shards" in line for line in said)
    assert ": below the unigram entropy" in said[-1]


def test_a_model_that_has_not_learned_is_said_to_be_no_better(make_settings: MakeSettings) -> None:
    assert "NOT below" in run(make_settings("phases=[{steps: 1}]", "optimizer={lr: 1.0e-9}"))[-1]


def test_held_out_scores_are_reported_per_source(make_settings: MakeSettings) -> None:
    settings = make_settings()
    run(settings)
    events = [line for line in log_of(settings) if line["event"] == "held_out"]
    assert [line["step"] for line in events] == [3, 6]
    for score in events[-1]["sources"].values():
        assert score["perplexity"] == pytest.approx(2.718281828 ** score["loss"])
        # 2 bytes a token, but for BOS and EOS
        assert 0.5 < score["bits_per_byte"] / (score["loss"] / 0.6931 / 2) < 1.3
    assert set(events[-1]["sources"]) == {"books", "web"}


def test_a_stopped_run_goes_on_bit_for_bit(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole, halved = make_settings(f"output={tmp_path / 'whole'}"), make_settings(f"output={tmp_path / 'halved'}")
    run(whole)
    with monkeypatch.context() as patched:
        interrupt_after(patched, 2, signal.SIGTERM)
        assert loop.train(halved, lambda _: None) == 143
    assert max(curve(halved)) == 3
    assert "resumed after step 3" in run(halved)
    assert curve(halved) == curve(whole)
    assert _weights(halved) == _weights(whole)


def _weights(settings: Settings) -> dict[str, Any]:
    model = loop.load_model(settings, loop.open_data(settings), pytest.fail)
    return {name: weights.tolist() for name, weights in model.state_dict().items()}


def test_a_finished_run_is_only_evaluated_again(make_settings: MakeSettings) -> None:
    settings = make_settings()
    run(settings)
    before = curve(settings)
    assert "resumed after step 6" in run(settings)
    assert curve(settings) == before
    assert len(log_of(settings)) == 6 + 2 * 3 + 1


def test_a_damaged_checkpoint_is_passed_over_aloud(make_settings: MakeSettings) -> None:
    settings = make_settings()
    run(settings)
    before = curve(settings)
    newest = loop.checkpoints(settings) / "step-00000006" / "__0_0.distcp"
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    said = run(settings)
    assert any("step-00000006" in line and "falling back" in line for line in said)
    assert "resumed after step 4" in said
    assert curve(settings) == before
    assert sorted(path.name for path in newest.parent.parent.glob("step-*")) == ["step-00000004", "step-00000006"]


def test_a_run_without_a_sound_checkpoint_does_not_start_over(make_settings: MakeSettings) -> None:
    settings = make_settings()
    run(settings)
    for file in loop.checkpoints(settings).glob("step-*/*.distcp"):
        file.write_bytes(b"")
    with pytest.raises(ContractError, match="none of the 2 checkpoints is sound"):
        run(settings)


def test_the_newest_checkpoints_stay(make_settings: MakeSettings) -> None:
    settings = make_settings("checkpoints={every: 1, keep: 3}")
    run(settings)
    names = sorted(path.name for path in loop.checkpoints(settings).iterdir())
    assert names == ["LATEST", "step-00000004", "step-00000005", "step-00000006"]


def test_other_shards_are_refused(make_settings: MakeSettings, own_shards: Path) -> None:
    run(make_settings())
    other = make_settings(f"shards={own_shards}")
    run(other)  # equal content in another folder is the same data set
    manifest = json.loads((own_shards / "manifest.json").read_text())
    known = read_manifest(str(own_shards))
    del known.splits["val"]["web"]
    write_manifest(str(own_shards), known)
    with pytest.raises(ContractError, match=f"another run: content_sha256 {manifest['content_sha256']}, now"):
        run(other)


def test_damaged_shards_are_refused_before_the_first_step(make_settings: MakeSettings, own_shards: Path) -> None:
    file = own_shards / "train/web/shard-00000.bin"
    file.write_bytes(file.read_bytes()[::-1])
    settings = make_settings(f"shards={own_shards}")
    with pytest.raises(ContractError, match=r"shard-00000\.bin: found sha256"):
        run(settings)
    assert not Path(settings.output).exists()


@pytest.mark.parametrize(
    "override", ["seed=2", "seq_len=16", "phases=[{steps: 7}]", "batch.sequences=8", "model.n_layers=1"]
)
def test_settings_that_change_the_stream_or_the_model_are_refused(make_settings: MakeSettings, override: str) -> None:
    run(make_settings("phases=[{steps: 1}]"))
    with pytest.raises(ContractError, match="another run"):
        run(make_settings("phases=[{steps: 1}]", override))


def test_accumulation_changes_results_by_rounding_only(make_settings: MakeSettings, tmp_path: Path) -> None:
    one, two = (make_settings(f"output={tmp_path / str(n)}", f"batch.micro_sequences={n}") for n in (4, 1))
    run(one)
    run(two)
    for step, (loss, norm) in curve(one).items():
        assert curve(two)[step] == pytest.approx((loss, norm), rel=1e-3)


def poison(monkeypatch: pytest.MonkeyPatch, steps: set[int]) -> None:
    """Make the loss of these steps NaN, gradients and all."""
    loss = loop.Run.loss

    def poisoned(run: loop.Run, batch: Any) -> Any:
        total, right = loss(run, batch)
        return (total * float("nan") if run.step in steps else total), right

    monkeypatch.setattr(loop.Run, "loss", poisoned)


def test_a_step_that_is_not_finite_changes_nothing_and_its_documents_are_named(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings()
    before: dict[int, list[Any]] = {}
    update = loop.update

    def watched(run: loop.Run, received: list[int]) -> int:
        stopped = update(run, received)
        moments = [
            s[name] for o in run.optimizers for s in o.state.values() for name in ("exp_avg", "exp_avg_sq", "step")
        ]
        before[run.step] = [t.clone() for t in (*run.model.parameters(), *moments)]
        return stopped

    poison(monkeypatch, {3})
    monkeypatch.setattr(loop, "update", watched)
    run(settings)
    assert all(torch.equal(a, b) for a, b in zip(before[3], before[4], strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(before[4], before[5], strict=True))
    [skipped] = [line for line in log_of(settings) if line["event"] == "skipped"]
    stream = Stream(settings, loop.open_data(settings))
    assert (skipped["step"], skipped["why"]) == (4, "not finite")
    assert skipped["documents"] == [row["doc_id"] for row in stream.trace(3)][:64]


def test_a_run_that_only_skips_ends(make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    poison(monkeypatch, {2, 3, 4, 5})
    with pytest.raises(ContractError, match="3 steps in a row were skipped, the last for: not finite"):
        run(make_settings("skip.stop_after=3"))


def test_no_checkpoint_is_an_input_error(make_settings: MakeSettings) -> None:
    settings = make_settings()
    with pytest.raises(InputError, match="no checkpoint"):
        loop.load_model(settings, loop.open_data(settings), lambda _: None)


def test_sigterm_ends_the_process_with_143_after_a_checkpoint(settings_file: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "trainer", "train", "--settings", str(settings_file)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    many = ["--set", "phases=[{steps: 100000}]"]
    with subprocess.Popen(
        [*command, *many], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            if line.startswith("step 10/"):
                process.send_signal(signal.SIGTERM)
                break
        said, errors = process.stdout.read(), process.stderr.read()
    assert process.returncode == 143
    assert "stopped by signal 15" in said
    assert "Traceback" not in errors
    latest = (tmp_path / "out/checkpoints/LATEST").read_text()
    assert json.loads((tmp_path / "out/checkpoints" / latest / "manifest.json").read_text())["step"] >= 10


COMPILED = pytest.param(
    "compile=true",
    marks=[pytest.mark.slow, pytest.mark.filterwarnings("ignore:The .grad attribute")],  # what dynamo looks at
)


@pytest.mark.parametrize("override", ["recompute=1", "recompute=2", "precision=float16", COMPILED])
def test_what_saves_memory_or_time_changes_results_by_rounding_only(
    make_settings: MakeSettings, tmp_path: Path, override: str
) -> None:
    plain, other = (
        make_settings(f"output={tmp_path / 'plain'}"),
        make_settings(f"output={tmp_path / 'other'}", override),
    )
    run(plain)
    run(other)
    rough = 0.05 if "float16" in override else 1e-3
    for step, pair in curve(plain).items():
        assert curve(other)[step] == pytest.approx(pair, rel=rough)


def test_the_scale_of_float16_is_halved_where_gradients_overflow(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(monkeypatch, {1})
    scales: list[float] = []
    update = loop.update

    def watched(current: loop.Run, received: list[int]) -> int:
        stopped = update(current, received)
        scales.append(current.scale)
        return stopped

    monkeypatch.setattr(loop, "update", watched)
    run(make_settings("precision=float16"))
    assert scales == [2.0**16, *[2.0**15] * 5]


def test_muon_trains(make_settings: MakeSettings) -> None:
    settings = make_settings("optimizer={kind: muon, lr: 1.0e-2, warmup_steps: 2}", "phases=[{steps: 40}]")
    run(settings)
    losses = [loss for loss, _ in curve(settings).values()]
    assert losses[-1] < losses[0] - 0.5
