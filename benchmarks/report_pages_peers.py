"""The page of another tool about a corpus, made in an environment of its own.

python benchmarks/report_pages_peers.py TOOL CORPUS FOLDER, run by benchmarks/report_pages.py. CORPUS is Parquet, a row
for each document: text, url, source, language, n_words, n_chars, language_score. Each tool is used as the first page of
its documentation shows.
"""

import sys
from pathlib import Path


def great_expectations(corpus: Path, folder: Path) -> None:
    """Data Docs of eight expectations."""
    import great_expectations as gx
    import pandas as pd

    context = gx.get_context(mode="file", project_root_dir=str(folder))
    source = context.data_sources.add_pandas("corpus").add_dataframe_asset("documents")
    batch = source.add_batch_definition_whole_dataframe("all")
    expected = gx.expectations
    suite = context.suites.add(gx.ExpectationSuite("documents"))
    for one in (
        expected.ExpectColumnValuesToNotBeNull(column="text"),
        expected.ExpectColumnValueLengthsToBeBetween(column="text", min_value=200),
        expected.ExpectColumnValuesToBeUnique(column="text"),
        expected.ExpectColumnValuesToBeBetween(column="n_words", min_value=50, max_value=100_000),
        expected.ExpectColumnValuesToBeBetween(column="language_score", min_value=0.65),
        expected.ExpectColumnValuesToBeInSet(column="language", value_set=["en"]),
        expected.ExpectColumnMeanToBeBetween(column="n_chars", min_value=500),
        expected.ExpectTableRowCountToBeBetween(min_value=1),
    ):
        suite.add_expectation(one)
    found = context.validation_definitions.add(gx.ValidationDefinition(name="check", data=batch, suite=suite))
    actions = [gx.checkpoint.UpdateDataDocsAction(name="docs")]
    checkpoint = context.checkpoints.add(gx.Checkpoint(name="check", validation_definitions=[found], actions=actions))
    checkpoint.run(batch_parameters={"dataframe": pd.read_parquet(corpus)})


def ydata(corpus: Path, folder: Path) -> None:
    """The profile of the table."""
    import pandas as pd
    from ydata_profiling import ProfileReport

    ProfileReport(pd.read_parquet(corpus), title="documents", progress_bar=False).to_file(folder / "index.html")


def data_juicer(corpus: Path, folder: Path) -> None:
    """The analyzer with eight filters."""
    from data_juicer.config import init_configs
    from data_juicer.core import Analyzer

    recipe = folder / "analyze.yaml"
    filters = (
        "alphanumeric_filter", "average_line_length_filter", "character_repetition_filter",
        "maximum_line_length_filter", "special_characters_filter", "text_length_filter", "word_repetition_filter",
        "words_num_filter",
    )  # fmt: skip
    names = "".join(f"  - {name}:\n" for name in filters)
    recipe.write_text(
        f"dataset_path: {corpus}\nexport_path: {folder}/out.jsonl\nnp: 1\nuse_cache: false\nprocess:\n{names}"
    )
    Analyzer(init_configs(["--config", str(recipe)])).run()


TOOLS = {"great_expectations": great_expectations, "ydata": ydata, "data_juicer": data_juicer}

if __name__ == "__main__":
    TOOLS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
