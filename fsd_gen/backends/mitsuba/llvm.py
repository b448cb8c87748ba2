"""Which LLVM compiles Mitsuba's kernels, found and checked before Dr.Jit sees it.

Dr.Jit loads LLVM by itself, decides which one when it is imported, and trusts it: LLVM 15 and 16
abort the whole process at the first kernel. So the library is found and asked for its version here,
and only a good one is named to Dr.Jit through DRJIT_LIBLLVM_PATH.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
from pathlib import Path

MIN_MAJOR = 17
REMEDY = "install karellen-llvm-core, or let DRJIT_LIBLLVM_PATH name a libLLVM of version 17 or newer"
REMEDIES = {  # where LLVM is here, and a library that it needs is not
    "libatomic.so": "install libatomic.so.1 (Debian and Ubuntu: apt-get install libatomic1)",
    "libc++.so": "the first start of Python ends what pip began: start it once as the user who installed",
}


class LlvmError(OSError):
    """No LLVM that Dr.Jit can live with."""


def prepare_llvm() -> str:
    """Find LLVM, check its version and name it to Dr.Jit; call before `drjit` is imported.

    DRJIT_LIBLLVM_PATH wins, then the library of the environment, then the system's. Raises LlvmError.
    """
    library = os.environ.get("DRJIT_LIBLLVM_PATH") or _own_library() or ctypes.util.find_library("LLVM")
    if not library:
        raise LlvmError(f"no LLVM library found under {sys.prefix}/lib or on the system; {REMEDY}")
    check_version(llvm_major(library), library)
    os.environ["DRJIT_LIBLLVM_PATH"] = library
    return library


def check_version(major: int, library: str) -> None:
    """Raises LlvmError when Dr.Jit could not live with that LLVM."""
    if major < MIN_MAJOR:
        raise LlvmError(f"LLVM at {library} is version {major}, need {MIN_MAJOR} or newer; {REMEDY}")


def llvm_major(library: str) -> int:
    """Major version of the LLVM shared library; 15 stands for 15 and older, which cannot say.

    Raises LlvmError when it is no LLVM library.
    """
    try:
        llvm = ctypes.CDLL(library)
    except OSError as error:
        raise LlvmError(f"cannot load LLVM at {library}: {error}; {_remedy(str(error))}") from error
    if not hasattr(llvm, "LLVMGetVersion"):  # came with LLVM 16
        if hasattr(llvm, "LLVMContextCreate"):
            return 15
        raise LlvmError(f"{library} is no LLVM library (it lacks LLVMGetVersion); {REMEDY}")
    major, minor, patch = ctypes.c_uint(), ctypes.c_uint(), ctypes.c_uint()
    llvm.LLVMGetVersion(ctypes.byref(major), ctypes.byref(minor), ctypes.byref(patch))
    return major.value


def _remedy(missing: str) -> str:
    """What helps where the loader says this."""
    return next((what for library, what in REMEDIES.items() if missing.startswith(library)), REMEDY)


def _own_library() -> str | None:
    libraries = sorted((Path(sys.prefix) / "lib").glob("libLLVM.so.*"))
    return str(libraries[-1]) if libraries else None
