"""What a file is, told by its first bytes: for messages about a file that is not what it should be."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

LOOKED_AT_BYTES = 4096
HDF5 = "an HDF5 file"
FOLDER = "a folder"
NO_FILE = "no file"
EMPTY = "empty"
USD_STAGE = "a USD stage"
ZIP_ARCHIVE = "a zip archive"
UNKNOWN = "of no known kind"
SAFETENSORS = "a safetensors file"
ONNX = "an ONNX model"
PICKLE = "a pickle, which may run code when it is loaded"
TORCH_ZIP = "a checkpoint of PyTorch"
NUMPY_ARRAY = "a NumPy array (.npy)"
NUMPY_ARCHIVE = "a NumPy archive (.npz)"
_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"\x89HDF\r\n\x1a\n", HDF5),
    (b"version https://git-lfs", "a git-lfs pointer, not the file itself (run `git lfs pull`)"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"RIFF", "a WebP image or another RIFF file"),
    (b"Pf\n", "a PFM map"),
    (b"PF\n", "a PFM map"),
    (b"v/1\x01", "an OpenEXR image"),
    (b"\x93NUMPY", NUMPY_ARRAY),
    (b"%PDF", "a PDF document"),
    (b"SQLite format 3", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
    (b"\x1f\x8b", "gzip-compressed (unpack it first)"),
    (b"\xfd7zXZ", "xz-compressed (unpack it first)"),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed (unpack it first)"),
    (b"BZh", "bzip2-compressed (unpack it first)"),
    (b"7z\xbc\xaf", "a 7z archive (unpack it first)"),
    (b"Rar!", "a RAR archive (unpack it first)"),
    (b"!<arch>", "a Debian package or another ar archive"),
    (b"\x7fELF", "a program or a library (ELF)"),
    (b"MZ", "a program or a library (Windows)"),
    (b"GGUF", "a GGUF file of llama.cpp"),
    (b"PXR-USDC", USD_STAGE),
    (b"#usda", USD_STAGE),
    (b"ftrtx", "a TensorRT engine"),
    (b"ptrt", "a TensorRT engine"),
)
_PAGES = (b"<!doctype html", b"<html", b"<head", b"<?xml")
_ONNX = re.compile(rb"\x08[\x01-\x1f][\x12\x3a\x42]")  # a version; then a producer, a graph or operators


def contents(path: Path) -> str:
    """What is at `path`, to stand after "is"; UNKNOWN where that cannot be told. Never raises for content."""
    if path.is_dir():
        return FOLDER
    if not path.is_file():
        return NO_FILE
    with path.open("rb") as file:
        head = file.read(LOOKED_AT_BYTES)
    if not head:
        return EMPTY
    for beginning, what in _BEGINNINGS:
        if head.startswith(beginning):
            return what
    return _by_structure(head, path)


def _by_structure(head: bytes, path: Path) -> str:
    if head[:64].lstrip().lower().startswith(_PAGES):
        return "a web page or XML, perhaps the error page of a download"
    if head.startswith(b"PK"):
        return _kind_of_zip(path)
    if head[257:262] == b"ustar":
        return "a tar archive (unpack it first)"
    if is_safetensors(head, path.stat().st_size):
        return SAFETENSORS
    if _ONNX.match(head):
        return ONNX
    if head[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        return PICKLE
    return "a text file" if _is_text(head) else UNKNOWN


def is_safetensors(head: bytes, size: int) -> bool:
    """Whether these first bytes of a file of `size` are those of the safetensors format."""
    return len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= size - 8


def _kind_of_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name, _ in zip(archive.namelist(), range(100), strict=False)]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return "a zip archive that is cut short or damaged"
    if any(name.endswith("constants.pkl") for name in names):
        return "a TorchScript program"
    if any(name.endswith("data.pkl") for name in names):
        return TORCH_ZIP
    if names and all(name.endswith(".npy") for name in names):
        return NUMPY_ARCHIVE
    return ZIP_ARCHIVE


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return False
        text = head[: error.start].decode()
    return text != "" and all(character.isprintable() or character.isspace() for character in text)
