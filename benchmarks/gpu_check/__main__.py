"""The command line; see the package."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

import benchmarks.gpu_check
from benchmarks.gpu_check.part import Context, Part
from benchmarks.gpu_check.parts import PARTS
from benchmarks.gpu_check.progress import teller
from benchmarks.gpu_check.results import LOG, MARKDOWN, write_results
from benchmarks.gpu_check.runner import Outcome, run_parts
from stereo_model.data.base import DataFolderError
from stereo_model.data.shards.find import found_shards

WRONG = ("failed", "timed out")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts that were asked for; 1 if one of them failed."""
    parser = _parser()
    options = parser.parse_args(arguments)
    chosen = chosen_parts(options.only, options.skip)
    if not chosen:
        parser.error("no part is left to run; --only and --skip exclude each other")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="gpu-check-", ignore_cleanup_errors=True) as scratch:
        outcomes = _checked(options, chosen, Path(scratch))
    print(f"results: {options.out / MARKDOWN}")
    return int(any(outcome.state in WRONG for outcome in outcomes))


def chosen_parts(only: Sequence[str], skip: Sequence[str]) -> tuple[Part, ...]:
    """Parts whose names match a pattern of `only`, where there is one, and none of `skip`."""
    return tuple(
        part
        for part in PARTS
        if any(fnmatchcase(part.name, pattern) for pattern in only or ["*"])
        and not any(fnmatchcase(part.name, pattern) for pattern in skip)
    )


def _checked(options: argparse.Namespace, chosen: Sequence[Part], scratch: Path) -> tuple[Outcome, ...]:
    options.out.mkdir(parents=True, exist_ok=True)
    context = Context(
        device=options.device,
        smoke=options.smoke,
        out=options.out,
        scratch=scratch,
        end=time.monotonic() + options.budget,
        data=options.data,
        real=options.real,
    )
    about = {"started": datetime.now(UTC).isoformat(timespec="seconds"), "budget_s": options.budget}
    about |= {name: str(getattr(options, name)) for name in ("device", "smoke", "data", "real")}
    known: dict[str, Outcome] = {}
    tell = teller()

    def on_change(outcome: Outcome) -> None:
        known[outcome.name] = outcome
        write_results(options.out, about, tuple(known.values()))
        tell(outcome)

    return run_parts(chosen, context, options.budget, options.out / LOG, on_change)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu_check",
        description=benchmarks.gpu_check.__doc__,
        epilog=f"parts: {', '.join(part.name for part in PARTS)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--out", type=_folder, default=_folder("runs/gpu-check"), metavar="FOLDER", help="of the results")
    add("--only", action="append", default=[], type=_pattern, metavar="PART", help="repeatable; * matches")
    add("--skip", action="append", default=[], type=_pattern, metavar="PART", help="repeatable; * matches")
    add("--budget", type=float, default=480.0, metavar="SECONDS", help="for all parts together")
    add("--device", choices=("cuda", "cpu"), default="cuda")
    add("--smoke", action="store_true", help="tiny sizes, to try the check itself")
    add("--data", type=_shards, metavar="PATH", help="a run or shards to train on; default: made up")
    add(
        "--real",
        type=_there,
        metavar="PATH",
        help="pairs to evaluate on: PATH/SCENE/{left,right,disp,nocc}.*",
    )
    return parser


def _folder(text: str) -> Path:
    return Path(text).resolve()


def _there(text: str) -> Path:
    if not Path(text).exists():
        raise argparse.ArgumentTypeError(f"{text}: no such file or folder")
    return Path(text).resolve()


def _shards(text: str) -> Path:
    try:
        found_shards(text)
    except DataFolderError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return Path(text).absolute()


def _pattern(text: str) -> str:
    if not any(fnmatchcase(part.name, text) for part in PARTS):
        raise argparse.ArgumentTypeError(f"no part is called {text}; see the end of --help")
    return text


if __name__ == "__main__":
    sys.exit(main())
