"""Zip a folder reproducibly: names sorted, times fixed, no caches; jars are stored as they are.

python scripts/make_zip.py OUT.zip FOLDER [NAME ...]    all of FOLDER, or those of its entries
"""

import sys
import zipfile
from pathlib import Path

EPOCH = (1980, 1, 1, 0, 0, 0)


def main(out: str, folder: str, *names: str) -> None:
    root = Path(folder)
    paths = [path for name in names or ["."] for path in (root / name).rglob("*") if path.is_file()]
    with zipfile.ZipFile(out, "w") as archive:
        for path in sorted(path for path in paths if "__pycache__" not in path.parts):
            info = zipfile.ZipInfo(path.relative_to(root).as_posix(), EPOCH)
            info.external_attr = 0o644 << 16
            kind = zipfile.ZIP_STORED if path.suffix == ".jar" else zipfile.ZIP_DEFLATED
            archive.writestr(info, path.read_bytes(), kind)
    print(f"{out}: {Path(out).stat().st_size:,} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
