"""Run directories that stand on another run's."""

from pipelines.ablation import ArmRun
from pipelines.run import Run


def test_paths_of_the_stages_that_an_arm_has_from_its_base_lead_there_and_all_others_to_itself():
    arm = ArmRun("run/ablations/a/arms/raw", Run("run"), ("ingest", "measure", "filter"))
    of_base = [("documents", "part-0"), ("signals",), ("ledger/ingest",), ("ledger/filter",), ("runs", "measure.json")]
    assert [arm.path(*names) for names in of_base] == [Run("run").path(*names) for names in of_base]
    own = [("clean",), ("ledger/dedup",), ("shards", "manifest.json"), ("runs", "refine.json"), ("runs", ".lock")]
    own += [("runs",), ("held_out",), ()]
    assert [arm.path(*names) for names in own] == [Run(arm.root).path(*names) for names in own]
