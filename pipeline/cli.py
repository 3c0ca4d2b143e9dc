"""The command line. Stages are imported when they are asked for, so that help is there at once."""

# ruff: noqa: PLC0415 - see above

from __future__ import annotations

import gc
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pipeline.config import Resolved  # noqa: TC001 - Typer evaluates the annotations of commands
from pipeline.options import NO_VALUE, with_options
from pipeline.output import OutputError, complain, is_delivered, prepare, say
from registry.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

STOPPED, USAGE = 1, 2

# 128 + SIGINT, as shells report it.
INTERRUPTED = 130

# New objects between two looks for cycles, of which there are few. With Python's 700 the imports take a tenth
# longer, and a stage of many small requests spends a seventh of its time looking (measured).
_OBJECTS_PER_COLLECTION = 50_000

app = typer.Typer(
    name="hubcrawl",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="A census of container registries: `hubcrawl crawl`, `download`, `analyze`, `report`.",
)


def main() -> None:
    """Run the command line of this process."""
    prepare()
    status = run(sys.argv[1:])
    sys.exit(status if is_delivered() else status or STOPPED)


def run(arguments: list[str]) -> int:
    """Run one command line.

    Returns:
        0 finished, 1 had to stop before its work was done, 2 usage or configuration, 130 interrupted.
    """
    gc.set_threshold(_OBJECTS_PER_COLLECTION)
    try:
        return _run(arguments)
    except (OutputError, OSError) as error:
        # `hubcrawl ... | head`: a reader that went away wants no sentence.
        if str(error) and not isinstance(error, BrokenPipeError):
            complain(f"stopped: {error}")
        return STOPPED
    except (typer.Abort, KeyboardInterrupt):  # before a command could look after it
        return INTERRUPTED


def _run(arguments: list[str]) -> int:
    try:
        status: int | None = app(arguments, prog_name="hubcrawl", standalone_mode=False)
    except typer.TyperException as error:
        if message := error.format_message():  # without arguments the help was printed, and says it all
            complain(f"{message.rstrip('.')} (see {_called(error, arguments)} --help)")
        return error.exit_code
    except ConfigurationError as error:
        complain(str(error))
        return USAGE
    except PermissionError as error:
        complain(f"{error.filename}: {error.strerror}: make it readable, or name another one")
        return USAGE
    return status or 0


def _called(error: typer.TyperException, arguments: Sequence[str]) -> str:
    """The command that refused; Typer does not tell it where an option is used wrongly."""
    context = getattr(error, "ctx", None)
    if context:
        return str(context.command_path)
    return " ".join(["hubcrawl", *(name for name in arguments[:1] if not name.startswith("-"))])


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - Typer's callback protocol
    if wanted:
        say(f"hubcrawl {version('hubcrawl')}")
        raise typer.Exit


@app.callback()
def _hubcrawl(
    *,
    show_version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version and exit.",
            callback=_print_version,
            is_eager=True,
            metavar=NO_VALUE,
        ),
    ] = False,
) -> None:
    """Options of the program itself; ``show_version`` is dealt with by its callback."""


@app.command()
@with_options(["source", "crawl", "http", "general"])
def crawl(resolved: Resolved) -> int:
    """List the images of a registry: which exist, how popular they are, where and when they were seen.

    Goes on where the last crawl stopped. With no source named, with the registry of the last crawl, or with
    the sample hub in an empty data directory.
    """
    from pipeline.stages.bench import run_stage
    from pipeline.stages.crawl import crawl as stage

    return run_stage(stage, resolved)


@app.command()
@with_options(["source", "download", "http", "general"])
def download(resolved: Resolved) -> int:
    """Fetch the original manifests, configurations and layers of the images found, each once.

    Takes the hub or registry named, else every registry that was crawled.
    """
    from pipeline.stages.bench import run_stage
    from pipeline.stages.download import check
    from pipeline.stages.download import download as stage

    check(resolved.settings)
    return run_stage(stage, resolved)


@app.command()
@with_options(["analyze", "general"])
def analyze(resolved: Resolved) -> int:
    """Write a profile of every layer and image fetched that has none yet."""
    from pipeline.stages.analyze import analyze as stage
    from pipeline.stages.bench import run_stage

    return run_stage(stage, resolved)


@app.command()
@with_options(["report", "general"])
def report(
    resolved: Resolved,
    *,
    rebuild: Annotated[
        bool,
        typer.Option(
            "--rebuild", help="Throw away the tables first, and make all of them anew.", metavar=NO_VALUE
        ),
    ] = False,
    tables_only: Annotated[
        bool,
        typer.Option(
            "--tables-only", help="Bring the tables up to date, and draw nothing.", metavar=NO_VALUE
        ),
    ] = False,
) -> int:
    """Draw what was found so far: `report/index.html`, with every figure and its numbers beside it.

    First it brings the tables up to date that these are from (Parquet in `tables/`, for `hubcrawl query`):
    it adds what was profiled since the last time.
    """
    from functools import partial

    from pipeline.stages.bench import run_stage
    from pipeline.stages.report import report as stage

    return run_stage(partial(stage, rebuild=rebuild, tables_only=tables_only), resolved, name="report")


@app.command()
@with_options(["report", "general"])
def query(
    resolved: Resolved,
    *,
    sql: Annotated[str, typer.Argument(help="One SELECT over the tables.", metavar="SELECT ...")],
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.", metavar=NO_VALUE)] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print a JSON array, an object per row.", metavar=NO_VALUE)
    ] = False,
) -> int:
    """Ask the tables that `hubcrawl report` made, in SQL as DuckDB knows it; see docs/queries.md.

    `SHOW TABLES` lists them, `DESCRIBE files` the columns of one. Nothing can be written.
    """
    from pipeline import results
    from pipeline.directory import directory_of
    from report.query import querying

    if csv and json:
        raise ConfigurationError("both --csv and --json are given: choose one")
    form = results.as_csv if csv else results.as_json if json else results.as_table
    settings = resolved.settings
    with querying(directory_of(settings.general.data), settings.report, sql) as result:
        for line in form(result):
            say(line)
    return 0


@app.command()
@with_options(["general"])
def status(
    resolved: Resolved,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.", metavar=NO_VALUE)] = False,
    failed: Annotated[
        bool,
        typer.Option(
            "--failed",
            help="List the images that failed instead, one a line: reason, image and detail, with tabs "
            "between; with `--json` one object a line.",
            metavar=NO_VALUE,
        ),
    ] = False,
    failures: Annotated[
        bool,
        typer.Option(
            "--failures",
            help="Tell instead what failed by reason: how often, and an example of each.",
            metavar=NO_VALUE,
        ),
    ] = False,
) -> int:
    """Show the state of the census; also while a stage is running."""
    import asyncio
    from contextlib import aclosing

    from pipeline.directory import census_in
    from pipeline.status import failed_images, read_status
    from pipeline.status import failures as failures_by_reason

    layout = census_in(resolved.settings.general.data)

    async def show() -> None:
        if failed:
            async with aclosing(failed_images(layout, as_json=json)) as lines:
                async for line in lines:
                    say(line)
        elif failures:
            say(await failures_by_reason(layout, as_json=json))
        else:
            found = await read_status(layout)
            say(found.as_json() if json else found.as_text())

    asyncio.run(show())
    return 0


@app.command()
@with_options(["general"])
def verify(
    resolved: Resolved,
    *,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Mend what is found: have wrong and missing blobs fetched again by the next download, adopt "
            "right ones, move what is not ours to `foreign/`.",
            metavar=NO_VALUE,
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.", metavar=NO_VALUE)] = False,
) -> int:
    """Read every blob again and compare it with its digest; look for what is missing or does not belong.

    Ends with status 1 if something is wrong and was not repaired. Without `--repair` it changes nothing.
    """
    from pipeline.stages.verify import check, mend

    return (mend if repair else check)(resolved, json=json)


@app.command()
@with_options(["general"])
def settings(
    resolved: Resolved,
    *,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print docs/settings.md instead.", metavar=NO_VALUE)
    ] = False,
) -> int:
    """Show every setting: its value, where that comes from, its default, unit and reason."""
    from pipeline.reference import as_markdown, as_text

    say(as_markdown().rstrip("\n") if markdown else as_text(resolved))
    return 0


@app.command()
def schema(
    out: Annotated[Path, typer.Option("--out", help="Folder to write to.", metavar="DIR")] = Path(
        "docs/schema"
    ),
) -> int:
    """Write the JSON Schemas of the profiles."""
    from pipeline.schemas import write_schemas

    for path in write_schemas(out):
        say(str(path))
    return 0


@app.command()
def samplehub(
    port: Annotated[
        int,
        typer.Option(
            "--port", help="Port to listen on; 0 takes a free one. [default: 5555]", show_default=False
        ),
    ] = 5555,
    repositories: Annotated[
        int, typer.Option(help="Serve this many invented repositories without images instead.", min=0)
    ] = 0,
    seed: Annotated[int, typer.Option(help="Another seed, other repositories.")] = 0,
    window: Annotated[
        int, typer.Option(help="Refuse pages from this offset on, in rows; 0: none.", min=0)
    ] = 0,
    matching: Annotated[
        Literal["tokens", "prefix", "exact"], typer.Option(help="How searches match names.")
    ] = "tokens",
) -> int:
    """Serve the sample hub on 127.0.0.1 until Ctrl-C: for curl, skopeo or a browser."""
    from pipeline.interrupts import run_until_interrupted
    from pipeline.sample import Wanted, serve_until_cancelled
    from samplehub import Matching

    wanted = Wanted(repositories, seed, window, Matching(matching))
    return run_until_interrupted(serve_until_cancelled(port, wanted, say), lambda _: None)
