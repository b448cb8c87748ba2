"""One training of one model on data of any kind, by this process alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from jobs.locks import RunLock
from stereo_model.data.mixture import Mixture
from stereo_model.data.sample import StereoDataset
from stereo_model.network.model import FoundationStereo
from stereo_model.training.amend import AS_BEFORE, Amendment
from stereo_model.training.config import TrainConfig
from stereo_model.training.damage import digests_before_repair
from stereo_model.training.log import OnStep
from stereo_model.training.trainer import Trainer


def train(
    model: FoundationStereo,
    dataset: StereoDataset | Mixture,
    config: TrainConfig,
    run_dir: str | Path,
    *,
    data_digest: str | None = None,  # None: what the data set says itself
    validation: Mapping[str, StereoDataset] | None = None,
    on_step: OnStep | None = None,
    amend: Amendment = AS_BEFORE,
) -> FoundationStereo:
    """Train to the end, continuing whatever the run folder holds. See Trainer.

    Raises TypeError for data that has no `digest()` where none is given, RunLockedError while another
    process trains in the folder.
    """
    run_dir = Path(run_dir)
    with RunLock(run_dir):
        digest = _digest_of(dataset) if data_digest is None else data_digest
        before = digests_before_repair(
            run_dir, {part.name: part.dataset for part in Mixture.of(dataset).parts}
        )
        trainer = Trainer(
            model,
            dataset,
            config,
            run_dir,
            data_digest=digest,
            validation=validation,
            amend=amend,
            repaired=tuple(before.values()) if before and data_digest is None else (),
        )
        return trainer.run(on_step=on_step)


def _digest_of(dataset: StereoDataset | Mixture) -> str:
    digest = getattr(dataset, "digest", None)
    if digest is None:
        raise TypeError(f"{type(dataset).__name__} has no digest(); give one as data_digest")
    return str(digest())
