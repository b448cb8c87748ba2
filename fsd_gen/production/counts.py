"""What workers count beside samples: (counter, label) -> how many more, as events carry it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # whoever reads the counts loads no renderer
    from fsd_gen.checks.defects import DefectCode
    from fsd_gen.production.attempt import Attempt
    from fsd_gen.shards.sample import StereoSample

REFUSED = "refused"  # draws, by their first defect
QUARANTINED = "quarantined"  # slots, by the defect that most of their draws had
STAGE_CPU_S = "stage_cpu_s"  # CPU seconds of stored samples, by stage
Counts = Mapping[tuple[str, str], float]


def refused(attempt: Attempt) -> Counts:
    """A draw that is drawn again."""
    return {(REFUSED, attempt.defects[0].code.value): 1}


def quarantined(reasons: Sequence[Sequence[DefectCode]]) -> Counts:
    """A slot that is given up, for these defects of its draws."""
    most = Counter(code for codes in reasons for code in codes).most_common(1)
    return {(QUARANTINED, code.value): 1 for code, _ in most}


def stored(sample: StereoSample) -> Counts:
    """What a sample took."""
    return {(STAGE_CPU_S, stage): cpu_s for stage, cpu_s in sample.render.stage_cpu_s.items()}
