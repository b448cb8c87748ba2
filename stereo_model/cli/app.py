"""`fsd-stereo`: train, evaluate, run, export and convert FoundationStereo models."""

from __future__ import annotations

import typer

from jobs.commandline import Program, VersionOption
from stereo_model.cli.evaluate import EXAMPLE as EVALUATE_EXAMPLE
from stereo_model.cli.evaluate import evaluate
from stereo_model.cli.export import CONVERT_EXAMPLE, EXPORT_EXAMPLE, convert, export
from stereo_model.cli.infer import EXAMPLE as INFER_EXAMPLE
from stereo_model.cli.infer import infer
from stereo_model.cli.info import info, models
from stereo_model.cli.terminal import clear_errors
from stereo_model.cli.train import EXAMPLE as TRAIN_EXAMPLE
from stereo_model.cli.train import train

app = typer.Typer(
    cls=Program,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help=__doc__,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def fsd_stereo(version: VersionOption = False) -> None:  # noqa: D103
    # Without a docstring, so that typer shows the app's help: it would take this one instead.
    pass


app.command(epilog=TRAIN_EXAMPLE)(clear_errors(train))
app.command(epilog=EVALUATE_EXAMPLE)(clear_errors(evaluate))
app.command(epilog=INFER_EXAMPLE)(clear_errors(infer))
app.command(epilog=EXPORT_EXAMPLE)(clear_errors(export))
app.command(epilog=CONVERT_EXAMPLE)(clear_errors(convert))
app.command()(clear_errors(info))
app.command()(clear_errors(models))
