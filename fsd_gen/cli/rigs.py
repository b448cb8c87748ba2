"""The stereo cameras that are known by name: rigs."""

from __future__ import annotations

from rich.table import Table

from fsd_gen.cli.app import app, clear_errors, out

RIG_HELP = (
    "Camera: a preset (`fsd-gen rigs`), a K file or Middlebury's calib.txt, or fields such as "
    "fx=700,cx=640,cy=360,baseline=0.12; see docs/cameras.md."
)


@app.command()
@clear_errors
def rigs() -> None:
    """List the stereo cameras that `--rig` and the config's `rig: {preset: ...}` know by name."""
    from fsd_gen.rigs.presets import PRESETS

    table = Table(box=None, header_style="bold")
    for heading in ("name", "baseline", "fx", "view", "size", "source"):
        table.add_column(heading, no_wrap=heading != "source")
    for name, preset in PRESETS.items():
        lens = preset.lens
        table.add_row(
            name,
            f"{1000 * preset.baseline_m:.1f} mm",
            f"{lens.fx:.1f} px",
            f"{lens.view_deg():.1f}°",
            f"{lens.width}x{lens.height}",
            preset.source,
        )
    out.print(table)
