"""The corpus of the demo wherever it stands, and the digests of the runs over it."""

from dataclasses import dataclass
from pathlib import Path

from jobs.stages import CHAIN
from pipelines.run import Run
from udfs import files

STAGES = tuple(stage.name for stage in CHAIN)


@dataclass(frozen=True)
class Corpus:
    """The demo's corpus and settings in a folder here, and the digests of a run over it on local Spark."""

    folder: Path
    digests: dict[str, str]

    def copied_to(self, root: str, file: Path) -> Run:
        """Put the corpus below a URI, and settings for it there into a file; the run that they make."""
        for path in sorted((self.folder / "corpus").rglob("*")):
            if path.is_file():
                files.write_bytes(files.join(root, str(path.relative_to(self.folder))), path.read_bytes())
        file.write_text((self.folder / "settings.yaml").read_text().replace(str(self.folder), root))
        return Run(f"{root}/run")


def digests_of(run: Run, stages: tuple[str, ...] = STAGES) -> dict[str, str]:
    """Digest of every table of every stage, shards among them."""
    found = {}
    for stage in stages:
        committed = run.committed(stage)
        assert committed is not None, f"{stage} has not been done"
        found |= {f"{stage}: {name}": table.digest for name, table in committed.tables.items()}
    return found
