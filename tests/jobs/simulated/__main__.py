from __future__ import annotations

import sys

from tests.jobs.simulated.plan import draw
from tests.jobs.simulated.trial import attempt

seed = int(sys.argv[1])
print(draw(seed))
print(attempt(seed, aloud=True))
