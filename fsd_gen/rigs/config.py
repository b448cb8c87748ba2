"""The config's section `rig`: ranges to draw from, or one calibrated camera."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, PositiveFloat, model_validator

from fsd_gen.rigs.k_file import read_k_file
from fsd_gen.rigs.lens import Fit, Lens
from fsd_gen.rigs.presets import find_preset
from fsd_gen.scene.rig import StereoRig
from fsd_gen.sections import PositiveRange, Range, Section, within

OF_THE_LENS = ("fy", "cx", "cy", "width", "height", "fit")


def _with(known: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """What is known of a camera, with what is given in its place; another fx is that of both directions."""
    return {name: known[name] for name in known if name != "fy" or "fx" not in given} | given


class RigConfig(Section):
    """From which rigs to draw (paper section 3.5: baseline and focal length are randomised first).

    Or one calibrated camera: `fx` and what belongs to it, a `k_file`, or a `preset`. What is given beside a
    file or a preset takes the place of its value.
    """

    baseline_m: Annotated[PositiveRange, AfterValidator(within(0.001, 5, "metres"))] = (0.04, 0.4)
    """Log-uniform; up to 0.4 instead of 0.1 m helped WMGStereo most."""

    hfov_deg: Annotated[Range, AfterValidator(within(5, 150, "degrees"))] = (45.0, 95.0)
    """Horizontal, uniform; not beside `fx`."""

    max_disparity_share: float = Field(default=0.3, ge=0.001, lt=1)  # of the nearest surface, in image widths

    preset: str | None = None
    """A camera by name; `fsd-gen rigs` lists them. Fits by `crop` unless another `fit` is given."""

    k_file: str | None = None
    """K and the baseline in two lines, or Middlebury's calib.txt; read when the config is loaded."""

    fx: PositiveFloat | None = None  # focal length across, pixels; with it the camera is a fixed one
    fy: PositiveFloat | None = None  # and down; null: as fx
    cx: float | None = None  # principal point, from the centre of the leftmost pixel; null: the middle
    cy: float | None = None  # and from the centre of the uppermost one
    width: Annotated[int, Field(ge=32)] | None = None  # of the calibration's images, pixels; null: as `image`
    height: Annotated[int, Field(ge=32)] | None = None  # of the calibration's images, pixels; with width
    fit: Fit = "exact"
    """A calibration for another size than `image`: `exact` refuses it, `crop` scales it and cuts what is too
    much, `stretch` scales each direction."""

    @model_validator(mode="before")
    @classmethod
    def _in_numbers(cls, values: Any) -> Any:
        """What a preset or a file stands for, so that a frozen config needs neither."""
        if not isinstance(values, Mapping):
            return values
        given = {name: value for name, value in values.items() if value is not None or name != "k_file"}
        preset, k_file = given.get("preset"), given.pop("k_file", None)
        if preset is not None and k_file is not None:
            raise ValueError("preset and k_file are both given; keep one of them")
        if isinstance(preset, str):
            return _with(find_preset(preset).settings(), given)
        if isinstance(k_file, str):
            return _with(read_k_file(Path(k_file), baseline_given="baseline_m" in given), given)
        return given if k_file is None else values

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.fx is None:
            if lone := [name for name in OF_THE_LENS if name in self.model_fields_set]:
                raise ValueError(f"{lone[0]} is given without fx, the focal length in pixels; add it")
            return self
        if "hfov_deg" in self.model_fields_set:
            raise ValueError("hfov_deg and fx both say the focal length; keep one of them")
        if "baseline_m" not in self.model_fields_set:
            raise ValueError("a camera with fx needs its baseline_m too: a number or a range, in metres")
        if (self.width is None) != (self.height is None):
            raise ValueError("width and height of the calibration belong together; give both or neither")
        return self

    def lens(self, width: int, height: int) -> Lens | None:
        """The fixed camera for images of this size; None where cameras are drawn.

        Raises:
            ValueError: it is of another size, or makes no picture.
        """
        if self.fx is None:
            return None
        w, h = self.width or width, self.height or height
        whole = Lens(
            fx=self.fx,
            fy=self.fx if self.fy is None else self.fy,
            cx=(w - 1) / 2 if self.cx is None else self.cx,
            cy=(h - 1) / 2 if self.cy is None else self.cy,
            width=w,
            height=h,
        )
        return whole.require_picture().fitted(width, height, self.fit).require_picture()

    def only(self, width: int, height: int) -> StereoRig:
        """The one rig that this says.

        Raises:
            ValueError: it says several, or none that makes a picture.
        """
        low_m, high_m = self.baseline_m
        if low_m != high_m:
            raise ValueError(
                f"expected one baseline, got {low_m:g} to {high_m:g} m; add baseline=0.12, for one"
            )
        lens = self.lens(width, height)
        if lens is not None:
            return lens.rig(low_m)
        low_deg, high_deg = self.hfov_deg
        if low_deg != high_deg:
            raise ValueError(f"expected one camera, got {low_deg:g} to {high_deg:g} degrees; add fx or hfov")
        return Lens.of_view(low_deg, width, height).rig(low_m)
