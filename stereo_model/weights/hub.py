"""Where published weights lie on the Hugging Face hub, and how to get them. The only module that uses it.

A place is written `hf:OWNER/REPO/FILE` or `hf:OWNER/REPO/FILE@REVISION`; a commit as the revision pins the
bytes. Files are kept in the hub's own cache, so a second call needs no network.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

SCHEME = "hf:"
DEFAULT_REVISION = "main"

logger = logging.getLogger(__name__)


class WeightsPlaceError(ValueError):
    """The text names no place of weights on the hub."""


class WeightsUnavailableError(OSError):
    """Weights could not be fetched from the hub."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFile:
    """One file of one repository on the hub."""

    repo: str  # owner/name
    file: str  # path inside the repository
    revision: str = DEFAULT_REVISION  # branch, tag or commit

    def __str__(self) -> str:
        return f"{SCHEME}{self.repo}/{self.file}@{self.revision}"


KNOWN_WEIGHTS: Mapping[str, HubFile] = {
    "edgenext_small": HubFile(repo="timm/edgenext_small.usi_in1k", file="model.safetensors"),
    "depth_anything_v2_vits": HubFile(
        repo="depth-anything/Depth-Anything-V2-Small", file="depth_anything_v2_vits.pth"
    ),
    "depth_anything_v2_vitb": HubFile(
        repo="depth-anything/Depth-Anything-V2-Base", file="depth_anything_v2_vitb.pth"
    ),
    "depth_anything_v2_vitl": HubFile(
        repo="depth-anything/Depth-Anything-V2-Large", file="depth_anything_v2_vitl.pth"
    ),
    "dinov2_vits": HubFile(repo="timm/vit_small_patch14_dinov2.lvd142m", file="model.safetensors"),
    "dinov2_vitb": HubFile(repo="timm/vit_base_patch14_dinov2.lvd142m", file="model.safetensors"),
    "dinov2_vitl": HubFile(repo="timm/vit_large_patch14_dinov2.lvd142m", file="model.safetensors"),
}
"""Pretrained backbones and priors by the name that ModelConfig uses. Each file has its own licence."""


def parse_place(place: str) -> HubFile:
    """`hf:OWNER/REPO/FILE[@REVISION]` as a HubFile. Raises WeightsPlaceError."""
    found = re.fullmatch(r"hf:([\w.-]+/[\w.-]+)/([^@\s]+?)(?:@([\w./-]+))?", place)
    if found is None:
        raise WeightsPlaceError(f"expected hf:OWNER/REPO/FILE or hf:OWNER/REPO/FILE@REVISION, got {place!r}")
    return HubFile(repo=found[1], file=found[2], revision=found[3] or DEFAULT_REVISION)


def resolve_weights(place: str | Path, *, cache: Path | None = None) -> Path:
    """A local file for a path, a place on the hub, or a name in KNOWN_WEIGHTS.

    `cache` replaces the hub's own cache folder. Raises WeightsUnavailableError, or WeightsPlaceError for a
    malformed place.
    """
    if isinstance(place, str) and place in KNOWN_WEIGHTS:
        return download(KNOWN_WEIGHTS[place], cache=cache)
    if isinstance(place, str) and place.startswith(SCHEME):
        return download(parse_place(place), cache=cache)
    return Path(place)


def download(source: HubFile, *, cache: Path | None = None) -> Path:
    """Fetch a file from the hub, or find it in the cache. Raises WeightsUnavailableError in one line."""
    try:
        path = Path(hf_hub_download(source.repo, source.file, revision=source.revision, cache_dir=cache))
    except GatedRepoError as error:
        raise WeightsUnavailableError(f"{source}: the repository is gated; log in to the hub") from error
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise WeightsUnavailableError(f"{source}: no such repository or revision on the hub") from error
    except LocalEntryNotFoundError as error:
        raise WeightsUnavailableError(_offline(source)) from error
    except EntryNotFoundError as error:
        raise WeightsUnavailableError(f"{source}: the repository has no such file") from error
    except (HfHubHTTPError, OSError) as error:
        raise WeightsUnavailableError(_offline(source)) from error
    logger.info("weights=%s path=%s commit=%s", source, path, _commit(path))
    return path


def _offline(source: HubFile) -> str:
    return (
        f"{source}: the hub cannot be reached and the file is not in its cache; "
        "download it elsewhere and give its path"
    )


def _commit(path: Path) -> str:
    """The commit of a file in the hub's cache, whose layout is snapshots/COMMIT/FILE."""
    parts = path.parts
    return parts[parts.index("snapshots") + 1] if "snapshots" in parts else "unknown"
