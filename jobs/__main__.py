"""The command `gristmill`: one sub-command per stage, `run` for all of them, and what reads a run."""

import shlex
import signal
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from conf.load import SettingsError, load_settings, made_settings
from jobs.progress import Stopwatch, stage_progress
from jobs.session import lazy_session
from jobs.settings import Settings
from jobs.stages import CHAIN, STAGES
from jobs.terminal import print_json
from pipelines.lock import exclusive
from pipelines.run import Json, Run
from pipelines.stage import describe, execute
from udfs.errors import UsageError
from udfs.printable import printable

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=True, help=__doc__)
console = Console(stderr=True, highlight=False, soft_wrap=True)
out = Console(highlight=False, soft_wrap=True)

SettingsFile = Annotated[str, typer.Option("--settings", metavar="FILE", help="Settings file, YAML.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change one setting, for example --set seed=7. Repeatable."),
]
RunDirectory = Annotated[str, typer.Argument(metavar="RUN", help="Run directory.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON to standard output.")]


@app.callback()
def options(quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say errors and results only.")] = False) -> None:
    console.quiet = quiet


def run_stages(names: list[str], settings: Settings) -> list[Json]:
    """Run stages in order under the run's lock, saying what was done and what was there already, as comes back."""
    run, done = Run(settings.output), []
    session = lazy_session(f"gristmill {names[0] if len(names) == 1 else 'run'}", settings.spark)
    command = shlex.join(["gristmill", *sys.argv[1:]])
    with exclusive(run, command):
        for name in names:
            watch = Stopwatch()
            with stage_progress(console, STAGES[name], run, settings):
                ran = execute(STAGES[name], run, settings, session, command)
            console.print(f"  {name:<16} {f'done in {watch}' if ran else 'nothing to do'}")
            done.append({"stage": name, "ran": ran, "seconds": round(watch.seconds, 3)})
    return done


def stage_command(name: str) -> Any:
    def command(settings: SettingsFile, set: Overrides = None) -> None:
        run_stages([name], load_settings(settings, set or [], Settings))

    command.__doc__ = (STAGES[name].function.__doc__ or "").partition("\n")[0]
    return command


for stage in CHAIN:
    app.command(stage.name)(stage_command(stage.name))


@app.command()
def run(
    settings: SettingsFile,
    set: Overrides = None,
    first: Annotated[str | None, typer.Option("--from", metavar="STAGE", help="Start with this stage.")] = None,
    last: Annotated[str | None, typer.Option("--until", metavar="STAGE", help="End with this stage.")] = None,
    as_json: AsJson = False,
) -> None:
    """All stages, on embedded local Spark; those that are done already are left as they are."""
    names = list(STAGES)
    for name in (first, last):
        if name and name not in names:
            raise UsageError(f"there is no stage {name!r}", f"stages are {', '.join(names)}")
    names = names[names.index(first) if first else 0 : names.index(last) + 1 if last else None]
    if not names:
        raise UsageError(f"{first} comes after {last}", "exchange --from and --until")
    run_and_tell(names, load_settings(settings, set or [], Settings), as_json)


def run_and_tell(names: list[str], settings: Settings, as_json: bool) -> None:
    """Run stages and print where what people look for stands."""
    done = run_stages(names, settings)
    places = {"refine": "clean", "pack": "shards", "report": "report/index.html"}
    paths = {
        places[name].partition("/")[0]: Run(settings.output).path(places[name]) for name in places if name in names
    }
    for name, path in paths.items():
        console.print(f"{name}: {path}", markup=False)
    if as_json:
        print_json(out, {"output": settings.output, "stages": done, **paths})


@app.command()
def clean(
    inputs: Annotated[list[str], typer.Argument(metavar="FILE...", help="Files, folders or globs, of any kind.")],
    output: Annotated[str, typer.Option("--output", "-o", metavar="DIR", help="Run directory.")],
    recipe: Annotated[str, typer.Option(metavar="NAME", help="Recipe, by name or path.")] = "web",
    set: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """All stages on these files, without a settings file: what is left stands in DIR/clean."""
    made = made_settings({"inputs": inputs, "output": output, "recipe": recipe}, set or [], Settings)
    run_and_tell(list(STAGES), made, as_json)


@app.command()
def init(
    settings: Annotated[str, typer.Argument(metavar="FILE", help="Settings file to write.")] = "gristmill.yaml",
    inputs: Annotated[str, typer.Option(metavar="GLOB", help="What to read.")] = "crawl/*.warc.gz",
    output: Annotated[str, typer.Option("--output", "-o", metavar="DIR", help="Run directory.")] = "run",
    recipe: Annotated[str, typer.Option(metavar="NAME", help="Recipe, by name or path.")] = "web",
) -> None:
    """Write a settings file with every key, its default and what it means, and the JSON Schema for editors."""
    from jobs.new_settings import write_settings

    schema = write_settings(Path(settings), inputs, output, recipe)
    console.print(f"settings: {settings}\nschema: {schema}", markup=False)


@app.command()
def doctor(
    settings: Annotated[str | None, typer.Option("--settings", metavar="FILE", help="Look at its places too.")] = None,
    set: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Look whether this machine has what a run needs: Java, packages, memory, disk, models, inputs, output."""
    from jobs.doctor import examine

    if not examine(load_settings(settings, set or [], Settings) if settings else None, out, as_json):
        raise typer.Exit(2)


@app.command()
def check(settings: SettingsFile, set: Overrides = None) -> None:
    """Check the settings and print what a run would do, without Spark."""
    from jobs.plan import describe_plan

    describe_plan(load_settings(settings, set or [], Settings), out)


@app.command()
def plan(
    settings: SettingsFile,
    set: Overrides = None,
    parameters: Annotated[float | None, typer.Option(metavar="N", help="Model size, for example 1.1e9.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print what each source will give to the training tokens, how often it repeats, and what they are enough for."""
    from jobs.mixture_plan import print_mixture

    print_mixture(load_settings(settings, set or [], Settings), parameters, out, as_json)


@app.command()
def verify(run: RunDirectory, as_json: AsJson = False) -> None:
    """Compute every digest of a run again and compare; exit 65 where one differs."""
    from jobs.verify import verify_run

    verify_run(Run(run), out, as_json)


@app.command()
def explain(
    run: RunDirectory,
    doc_id: Annotated[str, typer.Argument(metavar="DOC_ID", help="Document id, or its first digits.")],
    as_json: AsJson = False,
) -> None:
    """Everything known of one document: signals, bounds, verdict, and the duplicate it matched."""
    from jobs.explain import explain_as_json, explain_document

    (explain_as_json if as_json else explain_document)(Run(run), doc_id, out)


@app.command()
def whatif(run: RunDirectory, set: Overrides = None, as_json: AsJson = False) -> None:
    """Print what the run would keep with other bounds, source by source; write nothing."""
    from jobs.whatif import what_if

    what_if(Run(run), set or [], out, as_json)


@app.command()
def ablate(
    settings: SettingsFile,
    set: Overrides = None,
    only_plan: Annotated[bool, typer.Option("--plan", help="Print arms and time; train nothing.")] = False,
    only_list: Annotated[bool, typer.Option("--list", help="Print the ablations made of this run.")] = False,
) -> None:
    """Train small models on variants of a run, and print with an interval what each decision bought."""
    from jobs import ablate as job
    from jobs.ablate_print import print_list, print_result
    from pipelines.ablation import results

    chosen = load_settings(settings, set or [], Settings)
    command = shlex.join(["gristmill", *sys.argv[1:]])
    if only_list:
        print_list(results(Run(chosen.output)), out)
    elif only_plan:
        job.plan(chosen, command, console)
    else:
        print_result(job.ablate(chosen, command, console), out)


@app.command()
def diff(
    left: Annotated[str, typer.Argument(metavar="RUN", help="Run directory.")],
    right: Annotated[str, typer.Argument(metavar="RUN", help="Run directory that is compared with it.")],
    page: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Page to write.")] = "diff.html",
    as_json: AsJson = False,
) -> None:
    """Compare two runs: print what differs and write a page that shows all of it."""
    from jobs.diff import diff_runs

    diff_runs(Run(left), Run(right), Path(page), out, as_json)
    console.print(f"page: {page}", markup=False)


@app.command("which-doc")
def which_doc(
    run: RunDirectory,
    shard: Annotated[str, typer.Argument(metavar="SHARD", help="As train/web/shard-00000.")],
    position: Annotated[int, typer.Argument(metavar="POSITION", help="Number of a token in it, from 0.")],
) -> None:
    """Print the document that a token of a shard belongs to, and where it stands in the crawl, as JSON."""
    from pipelines.which_doc import document_at

    print_json(out, document_at(Run(run), shard, position))


@app.command()
def replay(
    run: RunDirectory,
    quarantine_id: Annotated[str, typer.Argument(metavar="QUARANTINE_ID", help="Its id, or its first digits.")],
) -> None:
    """Read a quarantined record again and print all that can be said of it."""
    from jobs.replay import replay_record

    replay_record(Run(run), quarantine_id, out)


@app.command()
def demo(
    output: Annotated[str, typer.Option(metavar="DIR", help="Where to put the corpus and the run.")] = "demo-run",
) -> None:
    """Write a corpus from documents that every Python has, and run the whole chain on it."""
    from jobs.demo_corpus import write_demo

    settings = write_demo(output)
    run(str(settings))


def main(arguments: list[str]) -> int:
    """Run a command; its exit code (see udfs/errors.py) comes back, errors are printed without a trace."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return app(arguments, standalone_mode=False) or 0
    except (typer.Abort, KeyboardInterrupt):
        return 143
    except SettingsError as error:
        return report_error(2, str(error), "")
    except Exception as error:  # noqa: BLE001 - whatever it is, it gets an exit code
        code, reason, hint = describe_any(error)
        if code == 70:
            traceback.print_exc()
        return report_error(code, reason, hint)


def describe_any(error: Exception) -> tuple[int, str, str]:
    usage = getattr(error, "format_message", None)  # click's usage errors
    return (2, usage(), "see gristmill --help") if usage else describe(error)


def report_error(code: int, reason: str, hint: str) -> int:
    console.quiet = False
    if reason:
        console.print("[bold red]error:[/] ", end="")
        console.print(printable(reason), markup=False)
    if hint:
        console.print(f"  {printable(hint)}", markup=False)
    return code


def entry() -> None:
    """The console script."""
    end(main(sys.argv[1:]))


def run_job(stage: str) -> None:
    """What `spark-submit jobs/<stage>.py` runs."""
    end(main([stage, *sys.argv[1:]]))


def end(code: int) -> None:
    """Leave with the exit code; on success return normally, as YARN's cluster mode needs."""
    if code:
        sys.exit(code)


if __name__ == "__main__":
    entry()
