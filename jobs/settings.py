"""The settings of a whole run: one field per stage, each class beside its stage."""

from typing import Any

from pydantic import Field, model_validator

from conf.model import Model
from pipelines.ablation import AblateSettings
from pipelines.decontaminate import DecontaminateSettings
from pipelines.dedup import DedupSettings
from pipelines.filter import FilterSettings
from pipelines.ingest import IngestSettings
from pipelines.measure import LanguageSettings, MeasureSettings
from pipelines.pack import PackSettings
from pipelines.pack_chat import ChatSettings
from pipelines.quality_model import QualitySettings
from pipelines.refine import RefineSettings
from pipelines.sources import Inputs
from pipelines.tokenizer import TokenizerSettings
from pipelines.validate import ValidateSettings


class Settings(Model):
    output: str
    """Run directory, on any file system."""
    inputs: Inputs = Field(min_length=1)
    """Sources: paths or globs, or {paths, kind, source, dump, fields, select}; see docs/inputs.md."""
    recipe: str | list[str] = "none"
    """Recipes under these settings, by name (conf/recipes) or path, later ones over earlier ones; `none` keeps every
    document with a word in it."""
    seed: int = Field(default=0, ge=-(2**63), lt=2**63)
    """Decides samples and the order of the shards."""
    ingest: IngestSettings = IngestSettings()
    language: LanguageSettings = LanguageSettings()
    measure: MeasureSettings = MeasureSettings()
    quality: QualitySettings = QualitySettings()
    filter: FilterSettings = FilterSettings()
    dedup: DedupSettings = DedupSettings()
    decontaminate: DecontaminateSettings = DecontaminateSettings()
    refine: RefineSettings = RefineSettings()
    tokenizer: TokenizerSettings = TokenizerSettings()
    pack: PackSettings = PackSettings()
    chat: ChatSettings = ChatSettings()
    validation: ValidateSettings = ValidateSettings()
    ablate: AblateSettings = AblateSettings()
    spark: dict[str, Any] = {}
    """Any Spark setting; decides about speed only."""

    @model_validator(mode="after")
    def _bounds_are_measured(self) -> "Settings":
        measured = self.measure.measured_families()
        for check in self.filter.checks(None):
            family, dot, _ = check.column.partition(".")
            if dot and family not in measured:
                raise ValueError(f"a bound is set on {check.column}, but measure.families.{family} is not true")
        return self

    @model_validator(mode="after")
    def _perplexity_has_models(self) -> "Settings":
        """Without a model every perplexity is null, and a bound on it would remove every document."""
        models = self.measure.perplexity
        for language in (None, *self.filter.per_language):
            has_models = language in models if language else models
            if self.filter.intervals(language).get("perplexity.ccnet") and not has_models:
                place = f" for {language}" if language else ""
                raise ValueError(
                    f"a bound is set on perplexity.ccnet{place}, but measure.perplexity has no model{place}"
                )
        return self

    @model_validator(mode="after")
    def _a_model_scores(self) -> "Settings":
        """Without a model every score is null, and a bound on it would remove every document."""
        bound = "quality.min_score" if self.quality.min_score is not None else "filter.pareto"
        if self.quality.min_score is None and self.filter.pareto is None:
            return self
        if self.quality.model == "none" or (self.quality.model == "trained" and not self.quality.training.good):
            raise ValueError(
                f"{bound} is set, but no model scores quality: name one in quality.model, or labelled texts "
                "in quality.training.good and .bad to train it on"
            )
        return self
