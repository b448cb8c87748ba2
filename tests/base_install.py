"""What the base installation promises: run as a program in an environment, prints "base ok" at the end.

    python base_install.py SHARD FOLDER [--hide]

With --hide every library that only an extra brings is hidden from imports first, so that an environment with
all of them can stand in for one without.
"""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path

EXTRAS = {
    "OpenEXR": "render",
    "azure.storage": "az",
    "google.cloud.storage": "gs",
    "botocore": "s3",
    "drjit": "render",
    "embreex": "render",
    "mitsuba": "render",
    "mitsuba_oidn": "render",
    "mujoco": "render",
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "psutil": "farm",
    "pxr": "render",
    "ray": "farm",
    "scipy": "render",
    "tensorboard": "tensorboard",
}


def hide_extras() -> None:
    """Make the extras' libraries look as if they were not installed."""
    sys.modules.update(dict.fromkeys(EXTRAS))  # None there: an import fails, `find_spec` finds nothing


def read_a_shard(path: Path) -> None:
    """Open a shard with the reader and with the training dataset."""
    from fsd_gen import Flag, StereoShards, open_shard

    with open_shard(path) as shard:
        sample = shard.sample(0)
    height, width = sample.disparity_left_hw.shape
    item = StereoShards(path, crop=(16, 32))[0]
    assert item["left"].shape == (3, 16, 32), item["left"].shape
    assert sample.left_hwc.shape == (height, width, 3)
    assert ((sample.flags_left_hw & Flag.SKY) == 0).any()


def infer_a_pair(folder: Path) -> None:
    """`fsd-stereo infer` on a pair of pictures with a small, untrained model."""
    import numpy as np
    from PIL import Image

    from stereo_model import create_model
    from stereo_model.cli.app import app
    from stereo_model.weights.checkpoint import save_checkpoint

    texture_hwc = np.random.default_rng(0).integers(0, 255, (64, 168, 3), np.uint8)
    Image.fromarray(texture_hwc[:, 8:]).save(folder / "right.png")
    Image.fromarray(texture_hwc[:, :-8]).save(folder / "left.png")
    save_checkpoint(create_model("tiny", max_disparity=64), folder / "model.pt")
    pair = [str(folder / "left.png"), str(folder / "right.png")]
    app(["infer", str(folder / "model.pt"), *pair, "--out", str(folder / "out")], standalone_mode=False)
    assert list((folder / "out").rglob("*.png")), "no picture was written"


def say_what_rendering_needs(folder: Path) -> None:
    """Without the extras, a command that needs one names the pip command in one line."""
    from fsd_gen.cli import app

    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            app(["render", "--config", "demo", "--shards", "1", "--out", str(folder / "run")])
        except SystemExit as stop:
            assert stop.code == 2, stop.code
    text = " ".join(said.getvalue().split())
    assert "pip install '.[" in text and "Traceback" not in text, text


def main() -> None:
    """Everything, in order."""
    shard, folder = Path(sys.argv[1]), Path(sys.argv[2])
    if "--hide" in sys.argv:
        hide_extras()
    read_a_shard(shard)
    infer_a_pair(folder)
    say_what_rendering_needs(folder)
    loaded = sorted(name for name in EXTRAS if sys.modules.get(name))
    assert not loaded, f"loaded {loaded}"
    print("base ok")


if __name__ == "__main__":
    main()
