"""The ledger of the filter for one part: its numbers against the bounds."""

from collections.abc import Sequence

import pyarrow as pa

from udfs.decisions import Counts, LedgerFile, Part
from udfs.parts import PartFile, read_part
from udfs.verdicts import Check, judge


def filter_part(part: Part, checks: Sequence[Check], ledger: LedgerFile) -> tuple[PartFile | None, Counts]:
    """Write the ledger rows of the documents that do not meet all checks."""
    columns = sorted({"language", "row", *(name for check in checks for name in check.columns)})
    verdicts = []
    for batch in read_part(part.signals, columns):
        verdict = judge(batch, checks)
        rows = batch.column("row").take(verdict["index"].combine_chunks().cast(pa.int32()))
        verdicts.append(verdict.drop_columns("index").append_column("row", rows))
    return ledger.write(part, pa.concat_tables(verdicts))
