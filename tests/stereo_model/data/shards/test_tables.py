"""Tables are read without what a reader has no use for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

READ = """
import sys
from pathlib import Path
from stereo_model.data.shards.tables import read_table
table = read_table(Path(sys.argv[1]), ["slot", "absent"])
print(table.to_pydict(), "pandas" in sys.modules)
"""


def test_columns_are_read_without_loading_pandas(tmp_path: Path) -> None:
    path = tmp_path / "round=1.parquet"
    pq.write_table(pa.table({"slot": [3, None], "outcome": ["keep", "drop"]}), path)
    done = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True)
    assert done.stdout == "{'slot': [3, None]} False\n", done.stderr
