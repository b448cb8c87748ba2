"""A file is named for what it is, by its first bytes."""

import io
import zipfile

import numpy as np
import pytest

from jobs.contents import contents


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return buffer.getvalue()


def npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, a=np.zeros(1))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "empty"),
        ("wörds\n".encode(), "a text file"),
        (b"\n<!DOCTYPE html>", "a web page or XML, perhaps the error page of a download"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a git-lfs pointer"),
        (b'\x08\x0e:3\n\x0c\n\x01x\x12\x01y"\x04Relu', "an ONNX model"),
        (b"\x02\0\0\0\0\0\0\0{}", "a safetensors file"),
        (zipped("m/data.pkl", "m/version"), "a checkpoint of PyTorch"),
        (zipped("m/data.pkl", "m/constants.pkl"), "a TorchScript program"),
        (zipped("readme.txt"), "a zip archive"),
        (npz(), "a NumPy archive (.npz)"),
        (b"PK\x03\x04 cut", "a zip archive that is cut short or damaged"),
        (b"\x80\x04\x95", "a pickle, which may run code when it is loaded"),
        (b"\xff\xfe\0\1", "of no known kind"),
    ],
)
def test_a_file_is_named_for_what_it_is(tmp_path, content, expected):
    path = tmp_path / "any.pth"
    path.write_bytes(content)
    assert contents(path).startswith(expected)


def test_a_folder_and_nothing_are_named_too(tmp_path):
    assert (contents(tmp_path), contents(tmp_path / "none")) == ("a folder", "no file")
