"""The process of one part: PART CONTEXT ROWS, the first two as JSON, the last a file to append rows to.

Exit code 0: done; CANNOT: the part cannot run here, and the last record says why; anything else: it failed,
and the last line printed says how.
"""

from __future__ import annotations

import faulthandler
import importlib
import importlib.util
import json
import math
import os
import signal
import sys
from pathlib import Path

from benchmarks.gpu_check.part import CannotRunError, CheckFailedError, Context, Part, Row, Run, Value

CANNOT = 75  # "try elsewhere"
DUMP_S = 0.5  # before the deadline: where every thread stands, for the log
GRACE_S = 10  # after it, for the process that started this one to end it
WHY = "cannot run"  # key of the record that tells why not


def main(part_json: str, context_json: str, rows: str) -> int:
    """Run the part; the exit code."""
    part, context = Part(**json.loads(part_json)), Context.from_json(context_json)
    faulthandler.dump_traceback_later(max(0.1, context.left_s() - DUMP_S))
    signal.alarm(max(0, int(context.left_s())) + GRACE_S)  # ends this process should nobody be left to do so
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(context.scratch / "inductor"))
    try:
        require(part, context)
        for row in found(part.run)(context):
            append(Path(rows), row)
    except CannotRunError as error:
        append(Path(rows), {WHY: str(error)})
        return CANNOT
    except CheckFailedError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def require(part: Part, context: Context) -> None:
    """Raise CannotRunError where a part lacks a module or a GPU."""
    missing = [name for name in part.needs if importlib.util.find_spec(name) is None]
    if missing:
        raise CannotRunError(f"not importable: {', '.join(missing)}")
    if part.gpu and context.device == "cuda":
        _require_cuda()


def found(run: str) -> Run:
    """The function named "module:function"."""
    module, _, function = run.partition(":")
    given: Run = getattr(importlib.import_module(module), function)
    return given


def append(rows: Path, row: Row) -> None:
    """Add a row; the file is complete up to its last line at any moment."""
    line = json.dumps({key: _writable(value) for key, value in row.items()}, allow_nan=False)
    with rows.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def _writable(value: Value) -> Value:
    """Infinity and NaN as text, which JSON lacks."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _require_cuda() -> None:
    if importlib.util.find_spec("torch") is None:
        raise CannotRunError("not importable: torch")
    import torch

    if not torch.cuda.is_available():
        raise CannotRunError(
            f"no CUDA: torch {torch.__version__} finds no usable GPU; --device cpu does without"
        )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
