"""Stands between a worker and its rendering process: `python guard.py STATUS SOCKET ENGINE`.

It starts `boot.py` under its own interpreter, tells over the pipe STATUS how that ended ("exit 0", "signal
11"), which wrappers like python.sh hide, and kills the whole process group as soon as nobody reads the
pipe: when the worker is gone, even where the renderer hangs with Python's lock held. Standard library only,
stays small.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

LOOK_MS = 100


def main(arguments: list[str]) -> None:
    """Watch until the renderer ends or the worker does."""
    status, link, engine = int(arguments[0]), int(arguments[1]), arguments[2]
    boot = str(Path(__file__).with_name("boot.py"))
    renderer = subprocess.Popen([sys.executable, boot, engine, str(link)], pass_fds=[link])
    os.close(link)
    os.set_inheritable(status, False)
    reader = select.poll()
    reader.register(status, 0)  # POLLERR alone: nobody holds the other end
    while renderer.poll() is None:
        if reader.poll(LOOK_MS):
            os.killpg(0, signal.SIGKILL)
    code = renderer.returncode
    os.write(status, (f"signal {-code}\n" if code < 0 else f"exit {code}\n").encode())


if __name__ == "__main__":
    main(sys.argv[1:])
