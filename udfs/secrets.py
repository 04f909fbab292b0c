"""Keys of secrets that somebody gave on a command line, kept out of records, locks and reports."""

import re

_SECRET = re.compile(
    r"(?i)((?:secret|passw(?:or)?d|credential|access[._-]?key|auth[._-]?token|session[._-]?token)[^=:\s]*(?:=|:\s*))"
    r"(\"[^\"]*\"|'[^']*'|[^\s'\",}]+)"
)
_IN_ADDRESS = re.compile(r"(\w://)[^/\s@]+@")


def without_secrets(command: str) -> str:
    """The command with the values of keys that hold secrets starred out, and who signs in where in addresses.

    >>> without_secrets("run --set spark.hadoop.fs.s3a.secret.key=abc --set seed=1")
    'run --set spark.hadoop.fs.s3a.secret.key=*** --set seed=1'
    """
    return _IN_ADDRESS.sub(r"\1***@", _SECRET.sub(r"\1***", command))
