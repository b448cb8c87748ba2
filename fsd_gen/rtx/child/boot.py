"""Starts a rendering process: `python boot.py ENGINE SOCKET`, under any interpreter of Python 3.10 or later.

Only the folder of this file becomes importable, as `fsd_gen.rtx.child`; the packages above it are empty
stand-ins, and no folder of ours is on the path, where a library of ours could get in the way of the
renderer's own.
"""

from __future__ import annotations

import sys

HERE = __file__.rpartition("/")[0] or "."
if sys.path and sys.path[0].rstrip("/") in (HERE, ""):
    del sys.path[0]  # where Python puts the folder of the file that it runs

import ctypes  # noqa: E402
import os  # noqa: E402
import signal  # noqa: E402
import types  # noqa: E402

PACKAGES = {"fsd_gen": [], "fsd_gen.rtx": [], "fsd_gen.rtx.child": [os.path.abspath(HERE)]}
PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """SIGKILL for this process as soon as the one that started it is gone."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def stand_in_packages() -> None:
    """Make this folder, and nothing else of the project, importable."""
    for name, folders in PACKAGES.items():
        package = types.ModuleType(name, "A stand-in: see fsd_gen/rtx/child/boot.py.")
        package.__path__ = folders
        sys.modules[name] = package
        parent, _, own = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], own, package)


def main() -> None:
    """Hand over to `fsd_gen.rtx.child.main`, with nothing left on the command line that Kit could read."""
    engine, link = sys.argv[1], int(sys.argv[2])
    del sys.argv[1:]
    os.set_inheritable(link, False)  # what the renderer starts must not keep the worker waiting for an end
    die_with_parent()
    stand_in_packages()
    from fsd_gen.rtx.child.main import serve

    serve(engine, link)


if __name__ == "__main__":
    main()
