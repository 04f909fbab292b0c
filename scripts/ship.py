"""Put the archives of scripts/build where a cluster finds them, and write the Spark settings that name them.

python scripts/ship.py URI    such as hdfs://namenode:8020/gristmill

An archive's name holds its digest: applications that run keep theirs, and equal bytes are not sent twice.
"""

import shutil
import sys
from pathlib import Path

from udfs import files

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"


def ship(name: str, folder: str) -> str:
    """Upload dist/NAME, if it is not there; its URI."""
    source = DIST / name
    stem, dot, suffix = name.partition(".")
    target = files.join(folder, f"{stem}-{files.fingerprint(str(source)).sha256[:12]}{dot}{suffix}")
    if files.size(target) != source.stat().st_size:
        with open(source, "rb") as stream, files.publish(target) as writer:
            shutil.copyfileobj(stream, writer, files.CHUNK_BYTES)  # pyright: ignore[reportArgumentType]
    return target


def main(folder: str) -> None:
    environment, jars = ship("env.tar.gz", folder), ship("spark-jars.zip", folder)
    added = {"spark.yarn.dist.archives": f"{environment}#environment", "spark.yarn.archive": jars}
    lines = [f"{key:<43} {value}" for key, value in added.items()]
    conf = DIST / "spark.conf"
    conf.write_text("\n".join([(ROOT / "conf/spark/yarn.conf").read_text(), *lines, ""]))
    print(f"spark-submit --properties-file {conf} --files FILE.yaml jobs/ingest.py --settings FILE.yaml")


if __name__ == "__main__":
    main(*sys.argv[1:])
