"""Faults at named operations in whichever process comes there first: the driver's Python, or a worker's."""

import json
import os
from pathlib import Path

from operations import strike

FOLDER = Path(os.environ.get("FAULTS_PLAN", "."))
"""Holds plan.json, and a file for each fault that has struck, made by the process in which it did."""


class Planned:
    """A watch that strikes where the plan says so; without a plan it writes down where it could."""

    def __init__(self, process: str) -> None:
        self._process = process

    def __call__(self, operation: str) -> None:
        place = f"{self._process}: {operation}"
        try:
            plan = json.loads((FOLDER / "plan.json").read_text())
        except FileNotFoundError:
            with (FOLDER / "seen").open("a") as seen:
                seen.write(f"{place}\n")
            return
        for number, (name, kind) in enumerate(plan):
            if name == place and self._is_first(FOLDER / f"struck-{number}"):
                strike(kind, operation)

    def _is_first(self, marker: Path) -> bool:
        try:
            os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True
