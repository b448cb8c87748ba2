"""Small rotations: quaternions (w, x, y, z), matrices on column vectors, z up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fsd_gen.scene.spec import CameraPose, Quaternion, Vec3
from jobs.extras import extra

Array = NDArray[np.float64]


def axis_angle(axis: Vec3, degrees: float) -> Quaternion:
    """Rotation about a unit axis, counter-clockwise seen from its tip."""
    half = np.deg2rad(degrees) / 2
    x, y, z = (float(c) * float(np.sin(half)) for c in axis)
    return (float(np.cos(half)), x, y, z)


def heading(degrees: float) -> Quaternion:
    """Rotation about the vertical."""
    return axis_angle((0.0, 0.0, 1.0), degrees)


def compose(second: Quaternion, first: Quaternion) -> Quaternion:
    """The rotation that does `first`, then `second`."""
    aw, ax, ay, az = second
    bw, bx, by, bz = first
    return (
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
    )


def random_rotation(rng: np.random.Generator) -> Quaternion:
    """Uniform over all rotations."""
    q = rng.normal(size=4)
    w, x, y, z = (q / np.linalg.norm(q)).tolist()
    return (w, x, y, z)


def rotation_matrix(rotation: Quaternion) -> Array:
    """(3, 3) matrix of a unit quaternion."""
    w, x, y, z = rotation
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def facing(direction: Vec3 | Array, up: Vec3 = (0.0, 0.0, 1.0)) -> Quaternion:
    """Rotation that turns the local +z towards `direction`, keeping +y as near to `up` as can be."""
    z = np.asarray(direction, float)
    z = z / np.linalg.norm(z)
    x = np.cross(np.asarray(up, float), z)
    if np.linalg.norm(x) < 1e-6:
        x = np.cross([0.0, 1.0, 0.0] if abs(z[1]) < 0.9 else [1.0, 0.0, 0.0], z)
    x = x / np.linalg.norm(x)
    return _quaternion(np.stack([x, np.cross(z, x), z], axis=1))


def camera_to_world(pose: CameraPose) -> Array:
    """(4, 4) pose of a camera with x right, y down, z forward."""
    position = np.asarray(pose.position, float)
    forward = np.asarray(pose.target, float) - position
    length = np.linalg.norm(forward)
    if length < 1e-9:
        raise ValueError(f"the camera must look at another point than its own position {pose.position}")
    forward = forward / length
    right = np.cross(forward, [0.0, 0.0, 1.0])
    if np.linalg.norm(right) < 1e-6:
        right = np.array([1.0, 0.0, 0.0])
    right = right / np.linalg.norm(right)
    down = np.cross(forward, right)
    cos, sin = np.cos(np.deg2rad(pose.roll_deg)), np.sin(np.deg2rad(pose.roll_deg))
    matrix = np.eye(4)
    matrix[:3, 0] = cos * right + sin * down
    matrix[:3, 1] = cos * down - sin * right
    matrix[:3, 2] = forward
    matrix[:3, 3] = position
    return matrix


def _quaternion(matrix: Array) -> Quaternion:
    """Unit quaternion of a rotation matrix, w >= 0."""
    with extra("render"):  # here, so that a configuration is read without it
        from scipy.spatial.transform import Rotation

    x, y, z, w = Rotation.from_matrix(matrix).as_quat(canonical=True).tolist()
    return (w, x, y, z)
