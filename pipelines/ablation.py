"""Ablations: their settings, and run directories of arms, which stand on what another run has measured.

An arm is a run directory of its own, in which tables of the run that it varies count as its own. So its stages are the
chain's stages and nothing is extracted or measured again. Training and statistics are elsewhere.
"""

import json
from typing import Annotated

import numpy as np
from pydantic import Field, StringConstraints

from conf.model import Model
from pipelines.run import Json, Run
from pipelines.sources import Inputs
from pipelines.stage import open_table
from pipelines.tables import TABLES, writer_of
from udfs import files
from udfs.parts import read_part
from udfs.verdicts import Check

FOLDER = "ablations"
RESULT = "result.json"
MEASURED = ("ingest", "train_quality", "measure")
"""The stages whose tables every arm has from the run."""
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._=+-]{0,99}$")]
Positive = Annotated[int, Field(ge=1)]


class AblateSettings(Model):
    places = frozenset({"at_once"})

    name: Name = "ablation"
    """Results stand in OUTPUT/ablations/NAME."""
    arms: list[str | dict[Name, list[str]]] = ["raw", "clean"]
    """Variants of the run: `raw`, `clean`, `no-X`, `minus-one`, `random`, `worst:SIGNAL`, `mixtures:N`, KEY=VALUE,
    KEY=[1, 2] for an arm each, {name: [KEY=VALUE, ...]} for several changes in one; see docs/ablations.md."""
    reference: str = "clean"
    """The arm that the others are compared with."""
    held_out: Inputs = []
    """Good text to measure models on, named as `inputs` are; never from the crawl that is cleaned."""
    models: list[str] = Field(default=["tiny"], min_length=1)
    """Presets of the trainer: tiny, 7M, 14M for a CPU, 30M, 124M for a GPU. Each is trained with each of `tokens`."""
    tokens: list[Positive] = Field(default=[500_000], min_length=1)
    """Training tokens of every arm. Verdicts are of the last model and the last number of tokens; with more of them the
    scaling of the loss is fitted."""
    seeds: int = Field(default=3, ge=1, le=100)
    """Trainings of each arm, from different first weights and in one order."""
    seq_len: int = Field(default=256, ge=16, le=1 << 20)
    sequences: int = Field(default=4, ge=1)
    """Sequences for each update of the weights."""
    lr: float = Field(default=2e-3, gt=0)
    """Peak learning rate; it falls to a tenth by a cosine."""
    windows: int = Field(default=256, ge=1)
    """Held-out sequences of each source that are scored, at most."""
    at_once: int | None = Field(default=None, ge=1)
    """Trainings side by side; null for one a core. Set 1 for a GPU."""


class ArmRun(Run):
    """A run directory in which the tables and records of some stages are those of `base`."""

    def __init__(self, root: str, base: Run, stages: tuple[str, ...]) -> None:
        super().__init__(root)
        self.base, self.stages = base, set(stages)

    def path(self, *names: str) -> str:
        return self.base.path(*names) if names and _stage_of(*names) in self.stages else super().path(*names)


def _stage_of(table: str, *names: str) -> str:
    """The stage that a path below a run directory belongs to; empty for none."""
    if table == "runs":
        return names[0].removesuffix(".json") if names else ""
    return writer_of(table) if table.partition("/")[0] in TABLES else ""


def ablation_path(run: Run, *names: str) -> str:
    return run.path(FOLDER, *names)


def result_files(run: Run) -> dict[str, str]:
    """Name of each ablation of a run that has a result -> the URI of that."""
    fs, folder = files.locate(ablation_path(run))
    found = sorted(map(str, fs.glob(f"{folder}/*/{RESULT}"))) if fs.exists(folder) else []
    return {path.split("/")[-2]: ablation_path(run, path.split("/")[-2], RESULT) for path in found}


def results(run: Run) -> list[Json]:
    """The results of all ablations of a run, by name."""
    return [json.loads(files.read_bytes(uri)) for uri in result_files(run).values()]


def signal_quantile(run: Run, signal: str, share: float) -> float:
    """The value below which this share of the run's documents with a word have the signal. Reads its column."""
    check = Check("", signal, None)
    found = [
        check.values(batch)[batch.column("n_words").to_numpy() > 0]
        for file in open_table(run, "signals").files
        for batch in read_part(run.path("signals", file.path), [*check.columns, "n_words"])
    ]
    return float(np.nanquantile(np.concatenate(found), share))
