"""The kinds of trials that are made and run in a process of their own, by name."""

from benchmarks.attack.archives import tars, zips
from benchmarks.attack.bounded import Maker
from benchmarks.attack.pages import pages
from benchmarks.attack.texts import ids, yaml_files
from benchmarks.attack.weights import checkpoints, damaged_checkpoints

BOUNDED: dict[str, Maker] = {
    "checkpoints": checkpoints,
    "checkpoints cut short": damaged_checkpoints,
    "zip archives": zips,
    "tar archives and Debian packages": tars,
    "YAML": yaml_files,
    "paths as ids and names": ids,
    "HTML in names": pages,
}
