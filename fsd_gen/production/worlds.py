"""The stages of the user's that a run's scenes are set in, frozen: another stage makes another dataset.

`worlds.yaml` is written when the first shard of a run is asked for, and names every stage with the digest of
its content.
"""

from __future__ import annotations

import platform
from pathlib import Path

import yaml

from fsd_gen.backends.registry import draws_mdl
from fsd_gen.config import Config, ConfigError
from fsd_gen.production.assets import RunAssetsError
from fsd_gen.production.binding import WORLDS_NAME, holds_samples, unbind_assets
from fsd_gen.scene.spec import SceneSpec
from fsd_gen.strict_yaml import read_mapping, read_text
from fsd_gen.styles.sampler import StyleConfig
from fsd_gen.usd.environment import world_digest
from jobs.files import write_text_atomic

ABOUT = "# The stages of every sample of this run, with the SHA-256 of their content when it was begun.\n"


def bind_worlds(run_dir: Path, config: Config) -> None:
    """Freeze the stages that the styles need into the run, or find the same ones frozen. Hold the run's lock.

    A run without any stored sample is bound anew.

    Raises:
        ConfigError, StageError: a stage cannot be used.
        RunAssetsError: one has changed since the run was begun.
    """
    here = worlds_of(config)
    frozen = frozen_worlds(run_dir)
    if frozen and frozen != here and holds_samples(run_dir):
        raise RunAssetsError(f"{run_dir}: {'; '.join(_differences(frozen, here))}")
    if frozen and frozen != here:
        unbind_assets(run_dir)
    if here and frozen != here:
        write_text_atomic(run_dir / WORLDS_NAME, ABOUT + yaml.safe_dump(here, allow_unicode=True))


def worlds_of(config: Config) -> dict[str, str]:
    """Digest by path of the stages that the styles need. Raises ConfigError, StageError."""
    here: dict[str, str] = {}
    for style in config.styles.values():
        if style.weight > 0:
            here |= style.prepare()
            refuse_undrawable(style, config.render.backend)
    return here


def refuse_undrawable(style: StyleConfig, backend: str) -> None:
    """Before the first scene, what would fail in all of them. Raises ConfigError, StageError.

    Where the renderer draws it, a warning of what the truth does not know of it.
    """
    if draws_mdl(backend):
        style.tell_opaque()
    elif why := style.only_rtx_draws():
        raise ConfigError(why)


def frozen_worlds(run_dir: Path) -> dict[str, str]:
    """Digest by path of the stages that a run is bound to; none for most runs."""
    path = run_dir / WORLDS_NAME
    return read_mapping(read_text(path), str(path)) if path.is_file() else {}


def require_worlds(run_dir: Path) -> dict[str, str]:
    """Digest by path of the stages that a run is bound to, which are all on this machine, and the same.

    Raises:
        RunAssetsError: one is missing here, or another.
    """
    frozen = frozen_worlds(run_dir)
    for stage, digest in frozen.items():
        if not Path(stage).is_file():
            raise RunAssetsError(
                f"{stage}: this run is set in this stage, which is not on {platform.node()}; it has to be at "
                "the same path on every machine that renders"
            )
        if (here := world_digest(Path(stage))) != digest:
            raise RunAssetsError(_changed(stage, digest, here))
    return frozen


def refuse_another_world(frozen: dict[str, str], spec: SceneSpec) -> None:
    """Raises RunAssetsError where a scene is set in a stage that changed after its run was begun."""
    if spec.world and (before := frozen.get(spec.world.stage)) != spec.world.sha256:
        raise RunAssetsError(_changed(spec.world.stage, before or "", spec.world.sha256))


def world_attribution(spec: SceneSpec) -> tuple[str, ...]:
    """What a shard's attribution says of the stage that a scene is set in."""
    if spec.world is None:
        return ()
    opaque = f"; opaque to the truth, unseen: {', '.join(spec.world.opaque)}" if spec.world.opaque else ""
    name, digest = Path(spec.world.stage).name, spec.world.sha256[:12]
    return (f"- {name} (sha256 {digest}): a stage of the user's own{opaque}",)


def _differences(frozen: dict[str, str], here: dict[str, str]) -> list[str]:
    return [
        _changed(stage, frozen.get(stage, ""), here.get(stage, ""))
        for stage in sorted(frozen | here)
        if frozen.get(stage) != here.get(stage)
    ]


def _changed(stage: str, before: str, now: str) -> str:
    return (
        f"{stage}: this run was begun with another content of this stage, or of a file that it refers to "
        f"(sha256 {before[:12] or 'of none'}, now {now[:12] or 'of none'}); bring the old one back, or start "
        "another run"
    )
