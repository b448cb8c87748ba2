"""The visible bodies of lamps: unit square, disk and ball, met by rays in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fsd_gen.usd.flat_scene import AreaLight

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LightBody:
    """The visible body of an area light, seen from the left camera's frame."""

    shape: Literal["rect", "disk", "sphere"]
    from_camera_44: Array

    @classmethod
    def of(cls, light: AreaLight, world_to_left_44: Array) -> LightBody:
        """The body of `light`."""
        from_camera_44 = np.linalg.inv(world_to_left_44 @ light.to_world)
        return cls(light.shape, np.asarray(from_camera_44, np.float64))

    def intersect(self, origins_n3: Array, directions_n3: Array) -> Array:
        """Ray parameter of the nearest point in front of the origin, inf where there is none."""
        rotation_33, shift_3 = self.from_camera_44[:3, :3], self.from_camera_44[:3, 3]
        o_n3 = origins_n3 @ rotation_33.T + shift_3
        d_n3 = directions_n3 @ rotation_33.T
        return self._ball(o_n3, d_n3) if self.shape == "sphere" else self._flat(o_n3, d_n3)

    def normals(self, points_n3: Array) -> Array:
        """Normals (N, 3) in the left camera's frame, of any length, at points on the body in that frame."""
        rotation_33, shift_3 = self.from_camera_44[:3, :3], self.from_camera_44[:3, 3]
        if self.shape == "sphere":
            local_n3 = points_n3 @ rotation_33.T + shift_3
        else:
            local_n3 = np.broadcast_to([0.0, 0.0, 1.0], points_n3.shape)
        return local_n3 @ rotation_33  # covectors go back with the transpose

    def _flat(self, o_n3: Array, d_n3: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            t_n = -o_n3[:, 2] / d_n3[:, 2]
            x_n, y_n = o_n3[:, 0] + t_n * d_n3[:, 0], o_n3[:, 1] + t_n * d_n3[:, 1]
            if self.shape == "rect":
                inside_n = (np.abs(x_n) <= 0.5) & (np.abs(y_n) <= 0.5)
            else:
                inside_n = x_n * x_n + y_n * y_n <= 1
        return np.where(inside_n & (t_n > 0), t_n, np.inf)

    @staticmethod
    def _ball(o_n3: Array, d_n3: Array) -> Array:
        a_n = np.einsum("ij,ij->i", d_n3, d_n3)
        b_n = np.einsum("ij,ij->i", o_n3, d_n3)
        c_n = np.einsum("ij,ij->i", o_n3, o_n3) - 1
        root_n = b_n * b_n - a_n * c_n
        with np.errstate(invalid="ignore"):
            t_n = (-b_n - np.sqrt(root_n)) / a_n
        return np.where((root_n >= 0) & (t_n > 0), t_n, np.inf)
