"""DINOv2 vision transformers (arXiv 2304.07193): token maps of an image after four of their blocks.

timm's blocks (patches of 14 pixels, LayerScale, torch's scaled dot-product attention) with the position
embedding resized as DINOv2's authors do it: a scale factor with a small offset, whose rounding matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stereo_model.network.backbone import timm  # imported there first, which makes it importable

PATCH = 14  # pixels
GRID = 37  # patches per side of the 518 pixel images that the position embedding was trained on
TOKEN_SPREAD = 0.02  # of the random positions and class token that a new transformer starts with
GRID_OFFSET = 0.1  # patches; part of the published resizing, kept for equal numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class ViTSize:
    """Width, depth and heads of a transformer, and the blocks after which its tokens are taken."""

    dim: int
    depth: int
    heads: int
    taps: tuple[int, int, int, int]  # indices of blocks, from 0; the last is the last block


VIT_SIZES: Mapping[str, ViTSize] = {
    "nano": ViTSize(dim=16, depth=4, heads=2, taps=(0, 1, 2, 3)),
    "vits": ViTSize(dim=384, depth=12, heads=6, taps=(2, 5, 8, 11)),
    "vitb": ViTSize(dim=768, depth=12, heads=12, taps=(2, 5, 8, 11)),
    "vitl": ViTSize(dim=1024, depth=24, heads=16, taps=(4, 11, 17, 23)),
}


class DinoViT(nn.Module):
    """forward: (B,3,H,W) image, ImageNet-normalised, sides multiples of 14 -> four maps (B,C,H/14,W/14)."""

    def __init__(self, size: ViTSize) -> None:
        super().__init__()
        self.size = size
        self.net = timm.models.vision_transformer.VisionTransformer(
            img_size=GRID * PATCH,
            patch_size=PATCH,
            embed_dim=size.dim,
            depth=size.depth,
            num_heads=size.heads,
            init_values=1e-5,
            num_classes=0,
            weight_init="skip",  # torch's own is faster; the weights that count come from a file
        )
        nn.init.trunc_normal_(self.position_embedding, std=TOKEN_SPREAD)
        nn.init.trunc_normal_(self.class_token, std=TOKEN_SPREAD)

    @property
    def position_embedding(self) -> Tensor:
        """(1,1+GRID*GRID,C), the class token's first."""
        return cast(Tensor, self.net.pos_embed)

    @property
    def class_token(self) -> Tensor:
        """(1,1,C)."""
        return cast(Tensor, self.net.cls_token)

    def forward(self, image_bchw: Tensor) -> list[Tensor]:
        tokens = self.embed(image_bchw)
        maps = []
        for stage in range(len(self.size.taps)):
            tokens = self.run_stage(stage, tokens)
            maps.append(self.to_map(tokens, image_bchw))
        return maps

    def embed(self, image_bchw: Tensor) -> Tensor:
        """Class token and patch tokens with positions, (B,1+N,C)."""
        patches = self.net.patch_embed.proj(image_bchw)
        tokens = torch.cat([self.class_token.expand(patches.shape[0], -1, -1), patches.flatten(2).mT], dim=1)
        return tokens + self.positions(*patches.shape[-2:]).to(tokens.dtype)

    def run_stage(self, stage: int, tokens_bnc: Tensor) -> Tensor:
        """The blocks after the previous tap up to this stage's tap."""
        first = self.size.taps[stage - 1] + 1 if stage else 0
        for block in list(self.net.blocks)[first : self.size.taps[stage] + 1]:
            tokens_bnc = block(tokens_bnc)
        return tokens_bnc

    def to_map(self, tokens_bnc: Tensor, image_bchw: Tensor) -> Tensor:
        """Patch tokens through the final norm, as a map (B,C,H/14,W/14); the class token is dropped."""
        return torch.unflatten(self.net.norm(tokens_bnc)[:, 1:].mT, 2, self.grid(image_bchw))

    @staticmethod
    def grid(image_bchw: Tensor) -> tuple[int, int]:
        """Rows and columns of patches of an image."""
        return image_bchw.shape[-2] // PATCH, image_bchw.shape[-1] // PATCH

    def positions(self, rows: int, columns: int) -> Tensor:
        """The position embedding resized to a grid of patches, (1,1+rows*columns,C) float32."""
        embedding = self.position_embedding.float()
        if rows == columns == GRID:
            return embedding
        grid = torch.unflatten(embedding[:, 1:].mT, 2, (GRID, GRID))
        scale = ((rows + GRID_OFFSET) / GRID, (columns + GRID_OFFSET) / GRID)
        grid = F.interpolate(grid, scale_factor=scale, mode="bicubic", align_corners=False)
        if grid.shape[-2:] != (rows, columns):
            raise ValueError(f"position grid is {tuple(grid.shape[-2:])}, expected {(rows, columns)}")
        return torch.cat([embedding[:, :1], grid.flatten(2).mT], dim=1)
