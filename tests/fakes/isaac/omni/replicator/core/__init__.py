"""omni.replicator.core: render products, annotators, the orchestrator."""

from __future__ import annotations

from kit_fake.state import require_app

require_app("omni.replicator.core")

from omni.replicator.core import annotators, create, orchestrator  # noqa: E402
from omni.replicator.core.scripts.annotators import AnnotatorRegistry  # noqa: E402

__all__ = ["AnnotatorRegistry", "annotators", "create", "orchestrator"]
