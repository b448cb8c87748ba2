"""How many bytes of a run's shards come from a store when something is looked at.

    python -m benchmarks.storage RUN          # a run of `fsd-gen render` in a folder

Puts the first shard of the run, with its description and without, into an S3 server of this process (moto),
and counts what is asked for of it: by `fsd-gen info`, and for one pair, as `fsd-gen preview` reads it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import pytest
import typer
from rich.console import Console
from rich.table import Table
from typer.testing import CliRunner

from fsd_gen.cli import app
from fsd_gen.shards.entry import description
from fsd_gen.shards.find import find_shards
from fsd_gen.shards.reader import ShardReader
from jobs.store.mirror import local_place
from tests import objects

KIB = 1024
OF_SHARDS = ("/shards/", "/index/entries/")
RUN = ("config.yaml", "config.sha256", "config.resolved.yaml", "assets.yaml", "wanted.yaml")


def main(run: Annotated[Path, typer.Argument(exists=True, file_okay=False)]) -> None:
    """Count, and print a table."""
    shard = find_shards(run)[0]
    name = shard.relative_to(run).as_posix()
    table = Table("what is read", "KiB", "requests")
    table.add_row(f"{name}, whole", f"{shard.stat().st_size / KIB:.1f}", "")
    with pytest.MonkeyPatch.context() as patch, objects.server() as server:
        for described in (True, False):
            with_it = "with its description" if described else "without one"
            for what, look in (("info", told), ("one pair", one_pair)):
                with tempfile.TemporaryDirectory() as folder:
                    bucket = objects.new_bucket(server, patch, Path(folder))
                    fill(bucket, run, name, described=described)
                    with counted(bucket) as sizes:
                        look(f"{bucket.url}/run", name)
                table.add_row(f"{what}, {with_it}", f"{sum(sizes) / KIB:.1f}", str(len(sizes)))
    Console(width=100).print(table)


def fill(bucket: objects.Bucket, run: Path, shard: str, *, described: bool) -> None:
    """Put the run with this shard alone."""
    for name in (shard, *RUN):
        if (run / name).is_file():
            bucket.write(f"run/{name}", (run / name).read_bytes())
    if described:
        name, text = description(run, shard)
        bucket.write(f"run/{name}", text.encode())


@contextmanager
def counted(bucket: objects.Bucket) -> Iterator[list[int]]:
    """Bytes of each answer about shards that has content."""
    sizes: list[int] = []

    def note(body: bytes) -> bytes:
        sizes.append(len(body))
        return body

    def look(way: objects._Way) -> bool:
        is_content = way.command == "GET" and any(part in way.path for part in OF_SHARDS)
        if is_content:
            way.hand_on(note)
        return is_content

    with bucket.way(look):
        yield sizes


def told(url: str, shard: str) -> None:
    """What `fsd-gen info` reads."""
    result = CliRunner().invoke(app, ["info", url])
    if result.exit_code:
        raise RuntimeError(f"fsd-gen info {url} failed: {result.output}") from result.exception


def one_pair(url: str, shard: str) -> None:
    """What `fsd-gen preview` reads of a sample that it shows."""
    with ShardReader(local_place(f"{url}/{shard}"), ranged=True) as reader:
        reader.sample(0)


if __name__ == "__main__":
    typer.run(main)
