"""`network.cost_volume` for inference: some rows of the image at a time, each layer's input let go."""

from __future__ import annotations

from torch import Tensor

from stereo_model.fast import frames
from stereo_model.network.cost_volume import HybridCostVolume


class FastCostVolume(HybridCostVolume):
    """Laid out by rows from the start."""

    def forward(self, left_bchw: Tensor, right_bchw: Tensor, evidence_bedhw: Tensor | None = None) -> Tensor:
        volume = self.mixed(left_bchw, right_bchw, evidence_bedhw)
        for layer in self.smooth:
            volume = layer(volume)
        weighted: Tensor = self.attention(volume, left_bchw)
        return weighted

    def mixed(self, left_bchw: Tensor, right_bchw: Tensor, evidence_bedhw: Tensor | None = None) -> Tensor:
        terms = self.concatenated_terms(left_bchw, right_bchw)
        b, _, h, w = left_bchw.shape
        frame = left_bchw.new_empty(b, h, self.bins, w, self.mix.out_channels)
        for row, end in frames.row_slabs(frame.permute(0, 4, 1, 2, 3)):
            frame[:, row:end] = self.mixed_rows(
                left_bchw[:, :, row:end],
                right_bchw[:, :, row:end],
                None if evidence_bedhw is None else evidence_bedhw[:, :, :, row:end],
                [term[:, row:end] for term in terms],
            )
        return frame.permute(0, 4, 2, 1, 3)
