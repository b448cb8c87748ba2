"""Which LLVM compiles Mitsuba's kernels, found and checked before Dr.Jit sees it.

Dr.Jit loads LLVM by itself and trusts it: LLVM 15 and 16 abort the whole process, and LLVM's own
runtime libraries must be in the process before Dr.Jit is. So the library is found and asked for its
version here, and only a good one is named to Dr.Jit through DRJIT_LIBLLVM_PATH.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

MIN_MAJOR = 17
RUNTIME_LIBRARIES = ("libunwind.so.1.0", "libc++abi.so.1.0", "libc++.so.1.0")  # in this order
REMEDY = "install karellen-llvm-core, or let DRJIT_LIBLLVM_PATH name a libLLVM of version 17 or newer"


class LlvmError(OSError):
    """No LLVM that Dr.Jit can live with."""


def prepare_llvm() -> Path | str:
    """Find LLVM, check its version and name it to Dr.Jit; call before `drjit` is imported.

    DRJIT_LIBLLVM_PATH wins, then the wheel's library, then the system's. Raises LlvmError.
    """
    library = os.environ.get("DRJIT_LIBLLVM_PATH") or _wheel_library() or ctypes.util.find_library("LLVM")
    if not library:
        raise LlvmError(f"no LLVM library found under {sys.prefix}/lib or on the system; {REMEDY}")
    for runtime in _runtime_libraries(Path(library).parent):
        ctypes.CDLL(str(runtime), ctypes.RTLD_GLOBAL)
    major = llvm_major(library)
    if major < MIN_MAJOR:
        raise LlvmError(f"LLVM at {library} is version {major}, need {MIN_MAJOR} or newer; {REMEDY}")
    os.environ["DRJIT_LIBLLVM_PATH"] = str(library)
    return library


def llvm_major(library: Path | str) -> int:
    """Major version of the LLVM shared library; 15 stands for 15 and older, which cannot say.

    Raises LlvmError when it is no LLVM library.
    """
    try:
        llvm = ctypes.CDLL(str(library))
    except OSError as error:
        raise LlvmError(f"cannot load LLVM at {library}: {error}; {REMEDY}") from error
    if not hasattr(llvm, "LLVMGetVersion"):  # came with LLVM 16
        if hasattr(llvm, "LLVMContextCreate"):
            return 15
        raise LlvmError(f"{library} is no LLVM library (it lacks LLVMGetVersion); {REMEDY}")
    major, minor, patch = ctypes.c_uint(), ctypes.c_uint(), ctypes.c_uint()
    llvm.LLVMGetVersion(ctypes.byref(major), ctypes.byref(minor), ctypes.byref(patch))
    return major.value


def _wheel_library() -> Path | None:
    libraries = sorted((Path(sys.prefix) / "lib").glob("libLLVM.so.*"))
    return libraries[-1] if libraries else None


def _runtime_libraries(folder: Path) -> Iterator[Path]:
    """The C++ runtime that a wheel's LLVM was linked to; a system's LLVM finds its own."""
    for name in RUNTIME_LIBRARIES:
        yield from folder.glob(f"*-linux-gnu/{name}")
