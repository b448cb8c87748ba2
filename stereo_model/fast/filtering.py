"""`network.filtering` for inference: the transformer's volume is added in place."""

from __future__ import annotations

from torch import Tensor

from stereo_model.fast.disparity_transformer import add_enlarged_
from stereo_model.network.filtering import CoarseVolumes, Hourglass


class FastHourglass(Hourglass):
    """The last step up, each layer's input let go."""

    def finish(self, coarse: CoarseVolumes) -> Tensor:
        volume: Tensor = self.up4(coarse.filtered_bcdhw)
        add_enlarged_(volume, coarse.mixed_bcdhw)
        if coarse.input_bcdhw is not None:
            volume = volume + coarse.input_bcdhw
        for block in self.out:
            volume = block(volume)
        return volume
