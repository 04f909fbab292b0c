"""Zip packages reproducibly: names sorted, times fixed, no caches.

python scripts/make_zip.py OUT.zip PACKAGE ...
"""

import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EPOCH = (1980, 1, 1, 0, 0, 0)


def main(out: str, *packages: str) -> None:
    names = [path for package in packages for path in (ROOT / package).rglob("*") if path.is_file()]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in names if "__pycache__" not in path.parts):
            info = zipfile.ZipInfo(path.relative_to(ROOT).as_posix(), EPOCH)
            info.external_attr = 0o644 << 16
            archive.writestr(info, path.read_bytes(), zipfile.ZIP_DEFLATED)
    print(f"{out}: {Path(out).stat().st_size:,} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
