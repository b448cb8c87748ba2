"""Whatever a store says while a file is opened or read, the process ends with the exit code that it chose."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import io, sys
import h5py
from fsd_gen.shards.through import open_through

content = io.BytesIO()
with h5py.File(content, "w") as file:
    file.create_dataset("a", data=list(range(100_000)), chunks=(1000,))

class Source(io.BytesIO):
    def __init__(self, reads):
        super().__init__(content.getvalue())
        self.reads = reads
    def readinto(self, buffer):
        self.reads -= 1
        if self.reads < 0:
            raise ConnectionError("the store says no")
        return super().readinto(buffer)

sys.modules["kept"] = kept = []
def read(source):
    file = OPEN(source)
    source.reads = 0
    file["a"][:]

for reads in (0, 1, 2, 1000):
    try:
        read(Source(reads))
    except ConnectionError as error:
        kept.append(error)
print(len(kept), "kept", flush=True)
sys.exit(3)
"""


@pytest.mark.parametrize(
    ("opened_by", "code"), [("open_through", 3), ("h5py.File", -11)], ids=["ours", "h5py alone"]
)
def test_an_error_that_is_kept_to_the_end_does_not_end_the_process_by_a_fault(opened_by, code) -> None:
    program = PROGRAM.replace("OPEN", opened_by)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, "4 kept\n", "")
