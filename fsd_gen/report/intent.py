"""What FoundationStereo says of its own data, style by style (arXiv 2501.09898, section 3.5 and supplement).

It names the styles and what each shows; no numbers of ranges, baselines or focal lengths were published.
"""

from __future__ import annotations

STATED = {  # style: near, mid or far, and the paper's words for it
    "flying": ("all", "chaotic: many flying distractors, skybox and background plane, all randomised"),
    "indoor": ("near to mid", "realistic scene models, cameras in predefined areas, objects dropped"),
    "outdoor": ("mid to far", "realistic scene models by day, dusk and night"),
    "driving": ("mid to far", "parallel, above ground; vehicles, humans, poles, signs"),
    "navigation": ("far", "camera about parallel to the ground, far objects; walls, furniture, humans"),
    "manipulation": ("near", "front and downward, egocentric; household items, containers, robot arms"),
    "mixed": ("all", "not of FoundationStereo: WMGStereo's indoor rooms with floating objects"),
    "environment": ("as the stage", "one of 12 large scene models, cameras in predefined areas"),
}
UNSTATED = ("-", "not a style of FoundationStereo")


def stated(style: str) -> tuple[str, str]:
    """Range and words for a style."""
    return STATED.get(style, UNSTATED)
