"""Python looks for a module of this name at its start: every process of a run may have a clock of its own.

Only where libfaketime is loaded into it, which looks here whenever somebody asks for the time.
"""

from __future__ import annotations

import json
import os

if HOURS := json.loads(os.environ.get("SOAK_WEATHER", "{}")).get("hours"):
    os.environ["FAKETIME"] = f"{HOURS[os.getpid() % len(HOURS)]:+d}h"
