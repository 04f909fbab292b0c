"""Every package is installed by version and hash, from files that name no place."""

import hashlib
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(file for file in (ROOT / "requirements").glob("*.txt") if "==" in file.read_text())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_package_is_locked_by_version_and_hash(file: Path):
    text = re.sub(r"\\\n", " ", file.read_text())
    packages = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert packages
    for line in packages:
        assert re.match(r"[\w.\[\]-]+==[\w.+!]+ .*--hash=sha256:[0-9a-f]{64}", line), line
        assert not re.search(r"://|git\+|--index|--extra-index", line)


def test_scripts_install_nothing_without_hashes():
    """But for `bench`, whose peers are pinned by version and live in an environment of their own."""
    for script in (path for path in (ROOT / "scripts").iterdir() if path.is_file() and path.name != "bench"):
        for line in re.sub(r"\\\n", " ", script.read_text()).splitlines():
            if re.search(r"pip(\"|')? (install|sync)", line):
                assert "--require-hashes" in line or "--no-deps" in line, f"{script.name}: {line}"


@pytest.mark.parametrize("is_sound", [True, False])
def test_a_wheel_that_is_not_what_was_locked_is_refused(tmp_path: Path, is_sound: bool):
    wheel = tmp_path / "grain-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("grain.py", "")
        archive.writestr("grain-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: grain\nVersion: 1.0\n")
        archive.writestr("grain-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("grain-1.0.dist-info/RECORD", "grain.py,,\n")
    locked = hashlib.sha256(wheel.read_bytes() if is_sound else b"another").hexdigest()
    (tmp_path / "locked.txt").write_text(f"grain==1.0 --hash=sha256:{locked}\n")
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--offline", "--no-index", "--no-cache"]
    place = ["--find-links", tmp_path, "--target", tmp_path / "installed", "--require-hashes"]
    finished = subprocess.run([*uv, *place, "-r", tmp_path / "locked.txt"], capture_output=True, text=True)
    assert (finished.returncode == 0) == is_sound, finished.stderr
    assert (tmp_path / "installed" / "grain.py").exists() == is_sound
