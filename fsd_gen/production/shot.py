"""A pair at the moment its channels are taken: scene, truth and developed images together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsd_gen.scene.instances import instance_prims
from fsd_gen.scene.spec import SceneSpec
from fsd_gen.truth.maps import Truth
from fsd_gen.truth.surfaces import instance_map, normal_map
from fsd_gen.usd.flat_scene import FlatScene


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """What `fsd_gen.shards.channels.Shot` asks for; anything dear is computed when a channel wants it."""

    spec: SceneSpec
    scene: FlatScene
    truth: Truth
    left_hwc: NDArray[np.uint8]  # sRGB
    right_hwc: NDArray[np.uint8]

    @property
    def disparity_left_hw(self) -> NDArray[np.float32]:
        """Pixels, multiples of 1/256."""
        return self.truth.disparity_left_hw

    @property
    def disparity_right_hw(self) -> NDArray[np.float32]:
        """Pixels, multiples of 1/256."""
        return self.truth.disparity_right_hw

    @property
    def flags_left_hw(self) -> NDArray[np.uint8]:
        """Bits of `Flag`."""
        return self.truth.flags_left_hw

    @property
    def flags_right_hw(self) -> NDArray[np.uint8]:
        """Bits of `Flag`."""
        return self.truth.flags_right_hw

    def normals_left(self) -> NDArray[np.float64]:
        """Unit normals (H, W, 3) of the first surfaces: see `normal_map`."""
        return normal_map(self.scene, self.spec.rig, self.truth.hits_left)

    def instances_left(self) -> NDArray[np.int64]:
        """Ids (H, W) of the first surfaces, as `instance_names` numbers the scene."""
        return instance_map(self.scene, self.spec.rig, self.truth.hits_left, instance_prims(self.spec))
