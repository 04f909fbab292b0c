"""The errors people see, each with the exit code that Airflow and shell scripts act on.

GristmillError
├── UsageError       2   the command or the settings are wrong: mend them
├── ContractError   65   data broke a promise: a count that does not add up, a digest that differs
├── InputError      66   an input is missing or unreadable
├── OutputError     73   the output cannot be written
└── BusyError       75   somebody else works on this output: try again later
"""


class GristmillError(Exception):
    """Something that the user can understand and mend; `hint` says how."""

    exit_code = 70

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


class UsageError(GristmillError):
    exit_code = 2


class ContractError(GristmillError):
    exit_code = 65


class InputError(GristmillError):
    exit_code = 66


class OutputError(GristmillError):
    exit_code = 73


class BusyError(GristmillError):
    exit_code = 75
