"""Whether the rigs of a config fit into its scenes at all: asked before a run begins, not by its attempts."""

from __future__ import annotations

from fsd_gen.config import Config
from fsd_gen.sections import ConfigError
from fsd_gen.styles.widest import View


def too_wide(config: Config) -> str:
    """One line on the styles whose rooms cannot hold the narrowest rig of the config; "" where all can.

    Raises:
        ConfigError: no style can.
    """
    if "baseline_m" not in config.rig.model_fields_set:
        return ""
    limits, narrowest_m = config.check_limits(), config.rig.baseline_m[0]
    view = View.of(config.rig, config.image, limit_px=limits.max_disparity_px, beyond=limits.max_beyond)
    widest_m = {name: style.widest_m(view) for name, style in config.styles.items() if style.weight > 0}
    cannot = {name: most_m for name, most_m in widest_m.items() if narrowest_m > most_m}
    if not cannot:
        return ""
    held = ", ".join(f"{name} (at most {most_m:.2f} m)" for name, most_m in cannot.items())
    said = (
        f"rig.baseline_m: {narrowest_m:g} m is wider than any scene can hold of {held}: more than "
        f"{limits.max_beyond:.0%} of the pixels would be beyond {limits.max_disparity_px:g} px; take a "
        "smaller one, larger rooms, a larger rig.max_disparity_share, or leave such styles out"
    )
    if len(cannot) == len(widest_m):
        raise ConfigError(said)
    return said
