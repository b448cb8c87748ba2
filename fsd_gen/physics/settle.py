"""Let bodies fall on blocks with MuJoCo, and say where they are afterwards.

Same input, same output, bit for bit: fixed steps, one thread, nothing random. Contacts are stiff, so that
what rests sinks into what it rests on by a small part of a millimetre. If it is to calm down, a drag in the
last part of the time brings to rest what would roll on for seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsd_gen.physics.bodies import Block, Body
from fsd_gen.scene.spec import Quaternion, Vec3
from jobs.extras import extra

with extra("render"):
    import mujoco

Floats = NDArray[np.float64]
STEP_S = 0.002
CALMING = 0.45  # share of the time at whose end drag begins
DRAG = (0.3, 10.0)  # 1/s, before and after
REST_M_S = 0.03
REST_RAD_S = 0.6
LONGEST_S = 10.0
LOST_M = 0.3  # below the lowest block
FARTHEST_M = 100.0
STIFF = [0.008, 1.0]  # MuJoCo's solref: time constant in seconds, damping ratio
IMPEDANCE = [0.97, 0.999, 0.0005, 0.5, 2.0]  # MuJoCo's solimp


class PhysicsError(ValueError):
    """What should be simulated makes no model; the message says which body or block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Where a body is in the end, rounded as a SceneSpec rounds it."""

    position: Vec3  # metres, of the asset's origin
    rotation: Quaternion
    speed_m_s: float
    spin_rad_s: float
    lost: bool  # it fell past everything, or flew away
    penetration_m: float  # deepest contact with anything, at the rounded poses
    touching: tuple[int, ...]  # other bodies that it touches

    @property
    def at_rest(self) -> bool:
        """Neither lost nor moving, and touching something."""
        slow = self.speed_m_s <= REST_M_S and self.spin_rad_s <= REST_RAD_S
        return slow and not self.lost


def settle(
    bodies: tuple[Body, ...], static: tuple[Block, ...], seconds: float, *, calm: bool = True
) -> tuple[Settled, ...]:
    """The bodies after so many seconds, in their order; without `calm`, as they are then in free motion.

    Raises PhysicsError for a time or a shape that cannot be simulated.
    """
    if not 0 <= seconds <= LONGEST_S:
        raise PhysicsError(f"expected 0 to {LONGEST_S:g} seconds of physics, got {seconds:g}")
    if not bodies:
        return ()
    model = _model(bodies, static)
    data = mujoco.MjData(model)
    steps = round(seconds / STEP_S)
    for step in range(steps):
        mujoco.mj_step(model, data)
        data.qvel *= 1 - STEP_S * DRAG[calm and step > CALMING * steps]
    moving_n6 = np.array(data.qvel).reshape(-1, 6)
    data.qpos[:] = _rounded(np.array(data.qpos).reshape(-1, 7)).ravel()
    mujoco.mj_kinematics(model, data)
    mujoco.mj_collision(model, data)
    lowest_m = min((float(block.points_n3[:, 2].min()) for block in static), default=-np.inf) - LOST_M
    return _report(model, data, moving_n6, lowest_m)


def _rounded(poses_n7: Floats) -> Floats:
    """Positions to 1e-5 m and quaternions to 1e-9 with w >= 0."""
    sign_n = np.where(poses_n7[:, 3] < 0, -1.0, 1.0)
    return np.concatenate([poses_n7[:, :3].round(5), (poses_n7[:, 3:] * sign_n[:, None]).round(9)], axis=1)


def _report(
    model: mujoco.MjModel, data: mujoco.MjData, moving_n6: Floats, lowest_m: float
) -> tuple[Settled, ...]:
    poses_n7 = np.array(data.qpos).reshape(-1, 7)
    deepest_n, touching = _contacts(model, data, len(poses_n7))
    settled = []
    for index, (pose, moving) in enumerate(zip(poses_n7, moving_n6, strict=True)):
        sound = bool(np.isfinite(pose).all()) and float(np.abs(pose[:3]).max()) < FARTHEST_M
        x, y, z, *turn = pose.tolist()
        settled.append(
            Settled(
                position=(x, y, z),
                rotation=(turn[0], turn[1], turn[2], turn[3]),
                speed_m_s=float(np.linalg.norm(moving[:3])),
                spin_rad_s=float(np.linalg.norm(moving[3:])),
                lost=not sound or z < lowest_m,
                penetration_m=float(deepest_n[index]),
                touching=tuple(sorted(touching[index])),
            )
        )
    return tuple(settled)


def _contacts(model: mujoco.MjModel, data: mujoco.MjData, count: int) -> tuple[Floats, list[set[int]]]:
    """The deepest contact of each body, and which bodies it touches."""
    deepest_n, touching = np.zeros(count), [set[int]() for _ in range(count)]
    owners = model.geom_bodyid - 1  # the world is body 0, and has the blocks
    for (one, other), distance in zip(owners[data.contact.geom], data.contact.dist, strict=True):
        for body, partner in ((one, other), (other, one)):
            if body >= 0:
                deepest_n[body] = max(deepest_n[body], -float(distance))
                touching[body] |= {int(partner)} - {-1}
    return deepest_n, touching


def _model(bodies: tuple[Body, ...], static: tuple[Block, ...]) -> mujoco.MjModel:
    spec = mujoco.MjSpec()
    option = spec.option
    option.timestep, option.integrator = STEP_S, mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    option.cone, option.impratio, option.iterations = mujoco.mjtCone.mjCONE_ELLIPTIC, 5.0, 30
    for number, block in enumerate(static):
        _add_piece(spec, spec.worldbody, f"block_{number}", block.points_n3, block.friction)
    for number, body in enumerate(bodies):
        _add_body(spec, number, body)
    try:
        return spec.compile()
    except ValueError as error:
        said = " ".join(str(error).split())[:200]
        raise PhysicsError(f"the physics engine refuses the scene: {said}") from error


def _add_body(spec: mujoco.MjSpec, number: int, body: Body) -> None:
    frame = spec.worldbody.add_body(name=f"body_{number}", pos=body.position, quat=body.rotation)
    frame.add_freejoint()
    scale_3 = np.asarray(body.scale)
    masses = [hull.volume_m3 * float(np.prod(scale_3)) * body.density for hull in body.hulls]
    frame.mass, frame.ipos, frame.inertia = _inertia(masses, body, scale_3)
    frame.explicitinertial = True
    for piece, hull in enumerate(body.hulls):
        _add_piece(spec, frame, f"body_{number}_{piece}", hull.points_n3 * scale_3, body.friction)


def _inertia(masses: list[float], body: Body, scale_3: Floats) -> tuple[float, Floats, Floats]:
    """Mass, its centre, and the moments about the axes: each piece counts as a box of its size."""
    mass = max(sum(masses), 1e-4)
    centres_n3 = np.array([hull.centre_3 * scale_3 for hull in body.hulls])
    centre_3 = np.asarray(masses) @ centres_n3 / max(sum(masses), 1e-12)
    squares_n3 = np.array([np.ptp(hull.points_n3 * scale_3, axis=0) for hull in body.hulls]) ** 2 / 12
    squares_n3 += (centres_n3 - centre_3) ** 2
    spread_3 = np.asarray(masses) @ squares_n3 + mass * 1e-6
    return mass, centre_3, spread_3.sum() - spread_3


def _add_piece(
    spec: mujoco.MjSpec, frame: mujoco.MjsBody, name: str, points_n3: Floats, friction: float
) -> None:
    shell = mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL  # the body's own inertia is said: none is derived
    middle_3 = points_n3.mean(axis=0)
    spec.add_mesh(name=name, uservert=(points_n3 - middle_3).ravel(), inertia=shell)
    frame.add_geom(
        type=mujoco.mjtGeom.mjGEOM_MESH,
        meshname=name,
        pos=middle_3,
        friction=[friction, 0.003, 0.0005],
        condim=4,
        solref=STIFF,
        solimp=IMPEDANCE,
    )
