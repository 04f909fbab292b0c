"""The chain: every stage, with the settings, tables and files it depends on, in the order in which they run."""

from pipelines.ablation import result_files
from pipelines.decontaminate import decontaminate
from pipelines.dedup import dedup
from pipelines.filter import filter_documents
from pipelines.ingest import ingest
from pipelines.measure import measure
from pipelines.pack import pack
from pipelines.pack_chat import pack_chat
from pipelines.quality_model import train_quality
from pipelines.refine import refine
from pipelines.report import report
from pipelines.run import Run
from pipelines.sources import expand
from pipelines.stage import Stage
from pipelines.tokenizer import train_tokenizer
from pipelines.validate import validate

LEDGERS = ("ledger/ingest", "ledger/filter", "ledger/dedup", "ledger/decontaminate", "ledger/refine")
ALL_ROWS = ("documents", "quarantine", "signals", *LEDGERS, "duplicates", "passages", "clean")

CHAIN = [
    Stage(
        "ingest",
        ingest,
        needs=("inputs", "ingest"),
        files=lambda s: {file.name: file.uri for file in expand(s.inputs)} | s.ingest.block.outside_files(),
    ),
    Stage(
        "train_quality",
        train_quality,
        needs=("quality.training", "ingest", "seed"),
        files=lambda s: s.quality.labelled_files(),
    ),
    Stage(
        "measure",
        measure,
        needs=("language", "measure", "quality.model", "dedup.bands", "dedup.rows", "dedup.shingle"),
        reads=("documents", "quality_model"),
        files=lambda s: s.language.outside_files() | s.measure.outside_files() | s.quality.outside_files(),
    ),
    Stage("filter", filter_documents, needs=("filter", "quality.min_score"), reads=("documents", "signals")),
    Stage(
        "dedup",
        dedup,
        needs=("dedup", "measure"),
        reads=("documents", "signals", "ledger/filter"),
        files=lambda s: s.dedup.outside_files(),
    ),
    Stage(
        "decontaminate",
        decontaminate,
        needs=("decontaminate", "measure"),
        reads=("documents", "signals", *LEDGERS[1:3]),
        files=lambda s: s.decontaminate.outside_files(),
    ),
    Stage("refine", refine, needs=("refine", "measure"), reads=("documents", "signals", *LEDGERS[1:4], "duplicates")),
    Stage(
        "train_tokenizer",
        train_tokenizer,
        needs=("tokenizer", "seed"),
        reads=("clean",),
        files=lambda s: s.tokenizer.outside_files(),
    ),
    Stage("pack", pack, needs=("pack", "seed"), reads=("clean", "tokenizer")),
    Stage(
        "pack_chat",
        pack_chat,
        needs=("chat", "seed"),
        reads=("tokenizer",),
        files=lambda s: s.chat.outside_files(),
    ),
    Stage(
        "validate",
        validate,
        needs=("validation",),
        reads=(*ALL_ROWS, "shards"),
        files=lambda s: s.validation.outside_files(),
    ),
    Stage(
        "report",
        report,
        needs=("filter", "dedup", "quality.min_score"),
        reads=(*ALL_ROWS, "tokenizer", "shards", "validation"),
        files=lambda s: result_files(Run(s.output)),
    ),
]
STAGES = {stage.name: stage for stage in CHAIN}
