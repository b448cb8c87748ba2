"""Writing shards in its plain form: every chunk asked for by its name, every digest from the beginning.

What `fsd_gen.shards` writes must equal this to the byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from unittest.mock import patch

import h5py

from fsd_gen.shards import gather, record, verify
from fsd_gen.shards.channels import Channel
from fsd_gen.shards.format import chunk_shape
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.record import IMAGES, TRUTHS, Arrays


def digests(arrays: Arrays, spec_json: str) -> tuple[str, str]:
    """As in `fsd_gen.shards.record`."""
    content = record._digest(arrays, TRUTHS + IMAGES)
    content.update(spec_json.encode())
    record._add(content, arrays, sorted(arrays.keys() - {*TRUTHS, *IMAGES}))
    return record._digest(arrays, TRUTHS).hexdigest(), content.hexdigest()


def copy_array(file: h5py.File, channel: Channel, row: int, source: ShardReader, source_row: int) -> None:
    """As in `fsd_gen.shards.gather`, of chunks that are stored alike."""
    _, rows, columns, *tail = chunk_shape(channel, source.meta)
    height, width = source.shape
    for top, left in product(range(0, height, rows), range(0, width, columns)):
        place = (top, left, *(0 for _ in tail))
        with source._damage(channel.name, source_row) as stored:
            mask, chunk = stored[channel.name].id.read_direct_chunk((source_row, *place))
        file[channel.name].id.write_direct_chunk((row, *place), chunk, mask)


@contextmanager
def plain_writing() -> Iterator[None]:
    """Within the block shards are written and verified plainly."""
    with (
        patch.object(gather, "_copy_array", copy_array),
        patch.object(record, "digests", digests),
        patch.object(verify, "digests", digests),
    ):
        yield
