"""What Mitsuba cannot run with is an error and no crash."""

from __future__ import annotations

import ctypes.util
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fsd_gen.backends.mitsuba.llvm import LlvmError, llvm_major


def attempt(**environment: str) -> str:
    """What a fresh process says when it creates the backend; it must end by the error, not by a crash."""
    code = (
        "from fsd_gen.backends.registry import create_backend\n"
        "from fsd_gen.backends.plugin import BackendUnavailableError\n"
        "try: create_backend('mitsuba')\n"
        "except BackendUnavailableError as error: print(error)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_a_missing_llvm_is_an_error_and_no_crash(tmp_path: Path) -> None:
    said = attempt(DRJIT_LIBLLVM_PATH=str(tmp_path / "libLLVM.so"), FSD_MITSUBA_VARIANT="llvm_ad_rgb")
    assert "cannot load LLVM" in said and "install karellen-llvm-core" in said


def test_another_library_is_not_taken_for_llvm() -> None:
    other = ctypes.util.find_library("m")
    said = attempt(DRJIT_LIBLLVM_PATH=other, FSD_MITSUBA_VARIANT="llvm_ad_rgb")
    assert f"{other} is no LLVM library" in said


def compiled(library: Path, source: str, *options: str) -> Path:
    """A shared library of this C."""
    command = ["cc", "-shared", "-fPIC", "-x", "c", "-o", str(library), "-", *options]
    try:
        subprocess.run(command, input=source, text=True, check=True)
    except FileNotFoundError:
        pytest.skip("needs a C compiler")
    return library


@pytest.mark.parametrize(
    ("lacking", "remedy"),
    [
        ("libatomic.so.9", "apt-get install libatomic1"),
        ("libc++.so.9", "start it once as the user who installed"),
        ("libother.so.9", "install karellen-llvm-core"),
    ],
)
def test_a_library_that_llvm_lacks_is_named_with_what_brings_it(lacking, remedy, tmp_path: Path) -> None:
    needed = compiled(tmp_path / lacking, "void needed(void) {}", f"-Wl,-soname,{lacking}")
    source = "void needed(void); void LLVMGetVersion(void) { needed(); }"
    llvm = compiled(tmp_path / "libLLVM.so.23", source, "-x", "none", str(needed))
    needed.unlink()
    with pytest.raises(LlvmError, match=f"{re.escape(lacking)}: cannot open .*{remedy}"):
        llvm_major(str(llvm))


def test_an_old_llvm_is_refused_before_it_can_abort_the_process(tmp_path: Path) -> None:
    source = "void LLVMGetVersion(unsigned *a, unsigned *b, unsigned *c) { *a = 16; *b = *c = 0; }"
    library = compiled(tmp_path / "libLLVM.so.16", source)
    said = attempt(DRJIT_LIBLLVM_PATH=str(library), FSD_MITSUBA_VARIANT="llvm_ad_rgb")
    assert "is version 16, need 17 or newer" in said


def test_an_unknown_variant_is_refused() -> None:
    assert "must be llvm_ad_rgb or cuda_ad_rgb, got 'scalar_rgb'" in attempt(FSD_MITSUBA_VARIANT="scalar_rgb")


def test_the_cache_of_compiled_kernels_has_an_upper_bound(tmp_path: Path) -> None:
    """Dr.Jit's own sweep, which several processes may run at once, with a limit of ours."""
    for age, name in enumerate(("new", "old", "oldest")):
        kernel = tmp_path / f"{name * 8}.llvm.v6.bin"
        kernel.write_bytes(bytes(700_000))
        os.utime(kernel, (time.time() - 1e6 * (age + 1),) * 2)
    code = "from fsd_gen.backends.mitsuba import runtime as r; r.dr.eval(r.dr.arange(r.mi.Float, 4) + 1)"
    environment = {**os.environ, "DRJIT_CACHE_DIR": str(tmp_path), "DRJIT_CACHE_MAXSIZE": "1M"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=120)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 1 << 20
    environment.pop("DRJIT_CACHE_MAXSIZE")
    code = "import fsd_gen.backends.mitsuba.runtime, os; print(os.environ['DRJIT_CACHE_MAXSIZE'])"
    ran = subprocess.run([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, check=True)
    assert ran.stdout == b"256M\n"
