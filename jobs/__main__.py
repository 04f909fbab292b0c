"""The command `gristmill`: one sub-command per stage, `run` for all of them, and what reads a run."""

import shlex
import signal
import sys
import traceback
from typing import Annotated, Any

import typer
from rich.console import Console

from conf.load import SettingsError, load_settings
from jobs.progress import Stopwatch, stage_progress
from jobs.session import lazy_session
from jobs.settings import Settings
from jobs.stages import CHAIN, STAGES
from pipelines.lock import exclusive
from pipelines.run import Run
from pipelines.stage import describe, execute
from udfs.errors import UsageError

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=True, help=__doc__)
console = Console(stderr=True, highlight=False, soft_wrap=True)
out = Console(highlight=False, soft_wrap=True)

SettingsFile = Annotated[str, typer.Option("--settings", metavar="FILE", help="Settings file, YAML.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change one setting, for example --set seed=7. Repeatable."),
]
RunDirectory = Annotated[str, typer.Argument(metavar="RUN", help="Run directory.")]


def run_stages(names: list[str], settings: Settings) -> None:
    """Run stages in order under the run's lock, saying what was done and what was there already."""
    run = Run(settings.output)
    session = lazy_session(f"gristmill {names[0] if len(names) == 1 else 'run'}", settings.spark)
    command = shlex.join(["gristmill", *sys.argv[1:]])
    with exclusive(run, command):
        for name in names:
            watch = Stopwatch()
            with stage_progress(console, name):
                ran = execute(STAGES[name], run, settings, session, command)
            console.print(f"  {name:<16} {f'done in {watch}' if ran else 'nothing to do'}")


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
) -> None:
    """All stages, on embedded local Spark; those that are done already are left as they are."""
    names = list(STAGES)
    for name in (first, last):
        if name and name not in names:
            raise UsageError(f"there is no stage {name!r}", f"stages are {', '.join(names)}")
    names = names[names.index(first) if first else 0 : names.index(last) + 1 if last else None]
    if not names:
        raise UsageError(f"{first} comes after {last}", "exchange --from and --until")
    loaded = load_settings(settings, set or [], Settings)
    run_stages(names, loaded)
    for stage, path in (("pack", "shards"), ("report", "report/index.html")):
        if stage in names:
            console.print(f"{path.partition('/')[0]}: {Run(loaded.output).path(path)}", markup=False)


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
) -> None:
    """Print what each source will give to the training tokens, how often it repeats, and what they are enough for."""
    from jobs.mixture_plan import print_mixture

    print_mixture(load_settings(settings, set or [], Settings), parameters, out)


@app.command()
def verify(run: RunDirectory) -> None:
    """Compute every digest of a run again and compare; exit 65 where one differs."""
    from jobs.verify import verify_run

    verify_run(Run(run), out)


@app.command()
def explain(
    run: RunDirectory,
    doc_id: Annotated[str, typer.Argument(metavar="DOC_ID", help="Document id, or its first digits.")],
) -> None:
    """Everything known of one document: signals, bounds, verdict, and the duplicate it matched."""
    from jobs.explain import explain_document

    explain_document(Run(run), doc_id, out)


@app.command()
def whatif(run: RunDirectory, set: Overrides = None) -> None:
    """Print what the run would keep with other bounds, source by source; write nothing."""
    from jobs.whatif import what_if

    what_if(Run(run), set or [], out)


@app.command("which-doc")
def which_doc(
    run: RunDirectory,
    shard: Annotated[str, typer.Argument(metavar="SHARD", help="As train/web/shard-00000.")],
    position: Annotated[int, typer.Argument(metavar="POSITION", help="Number of a token in it, from 0.")],
) -> None:
    """Print the document that a token of a shard belongs to, and where it stands in the crawl, as JSON."""
    from pipelines.which_doc import document_at

    out.print_json(data=document_at(Run(run), shard, position))


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
    run(str(settings), None, None, None)


def main(arguments: list[str]) -> int:
    """Run a command; its exit code (see udfs/errors.py) comes back, errors are printed without a trace."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        app(arguments, standalone_mode=False)
        return 0
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
    if isinstance(error, typer.Exit):
        return error.exit_code, "", ""
    usage = getattr(error, "format_message", None)  # click's usage errors
    return (2, usage(), "see gristmill --help") if usage else describe(error)


def report_error(code: int, reason: str, hint: str) -> int:
    if reason:
        console.print("[bold red]error:[/] ", end="")
        console.print(reason, markup=False)
    if hint:
        console.print(f"  {hint}", markup=False)
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
