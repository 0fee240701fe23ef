"""The Typer application and the verbs that hang on it."""

import functools
from collections.abc import Callable
from typing import Annotated, Any

import typer

from aefpga import __version__
from aefpga.cli import (
    activity,
    anomaly,
    benchmark,
    compress,
    csim,
    data,
    decode,
    decompress,
    encode,
    evaluate,
    export,
    importing,
    info,
    prove,
    report,
    run,
    search,
    show,
    study,
    synthesize,
    train,
)
from aefpga.cli.grouped import grouped

app = typer.Typer(
    name="aefpga",
    help=(
        "Quantized jet autoencoders for FPGA triggers: trained, proven word for word, synthesized, "
        "decoded.\n\nStart with `aefpga run`: it trains on the embedded sample, checks the "
        "firmware, synthesizes it and judges the reconstructed jets."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"aefpga {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show version.")
    ] = False,
) -> None:
    """Quantized jet autoencoders for FPGA triggers."""


def then(verb: Callable[..., str | None], usual: str = "") -> Callable[..., None]:
    """Let a verb that succeeded name the command that goes on from the same run.

    That is the `usual` one, unless the verb returns another.
    """

    @functools.wraps(verb)
    def followed(**given: Any) -> None:
        command = verb(**given) or usual
        chosen = f" --run {given['run']}" if given["run"] else ""
        show.next_command(command + chosen)

    return followed


app.command("train")(grouped(train.train))
app.command("csim")(then(csim.csim, "aefpga synthesize --part xcvu9p"))
app.command("prove")(prove.prove)
app.command("synthesize")(then(synthesize.synthesize, "aefpga evaluate"))
app.command("evaluate")(then(evaluate.evaluate))
app.command("activity")(activity.activity)
app.command("anomaly")(anomaly.anomaly)
app.command("report")(report.report)
app.command("run")(grouped(run.run))
app.command("compress")(compress.compress)
app.command("decompress")(decompress.decompress)
app.command("encode")(encode.encode)
app.command("decode")(decode.decode)
app.command("info")(info.info)
app.command("import")(importing.import_)
app.command("export")(export.export)
app.command("study")(study.study)
app.command("search")(search.search)
app.add_typer(benchmark.app, name="benchmark")
app.add_typer(data.app, name="data")
