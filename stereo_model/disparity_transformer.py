"""Attention along the disparity axis of the cost volume, at a quarter of its resolution (paper 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stereo_model.config import DisparityAttention, ModelConfig

PATCH = 4  # bins and quarter-resolution pixels per token


def sinusoidal_positions(length: int, channels: int, *, like: Tensor) -> Tensor:
    """Position code (length, channels): sine at even channels, cosine of the same angle at odd ones."""
    rate = 10000.0 ** (-torch.arange(0, channels, 2, device=like.device, dtype=torch.float32) / channels)
    angle = torch.arange(length, device=like.device, dtype=torch.float32)[:, None] * rate
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1).to(like.dtype)


class TokenAttention(nn.Module):
    """Multi-head attention over tokens (N,L,C). See `ModelConfig.disparity_attention` for the two layouts."""

    def __init__(self, channels: int, heads: int, over: DisparityAttention) -> None:
        super().__init__()
        self.heads = heads
        self.over = over
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)
        self.out = nn.Linear(channels, channels)

    def forward(self, x_nlc: Tensor) -> Tensor:
        q, k, v = (part(x_nlc).unflatten(-1, (self.heads, -1)) for part in (self.query, self.key, self.value))
        if self.over == "heads":
            mixed = F.scaled_dot_product_attention(q, k, v)
        else:
            mixed = F.scaled_dot_product_attention(*(t.transpose(1, 2) for t in (q, k, v))).transpose(1, 2)
        return self.out(mixed.flatten(2))


class TransformerLayer(nn.Module):
    """Post-norm layer: attention and a two-layer perceptron, each with dropout, residual and layer norm."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        dim = config.volume_dim
        self.attention = TokenAttention(dim, config.transformer_heads, config.disparity_attention)
        self.linear1 = nn.Linear(dim, dim)
        self.linear2 = nn.Linear(dim, dim)
        self.norm1 = nn.LayerNorm(dim)
        self.norm2 = nn.LayerNorm(dim)
        self.dropout = nn.Dropout(config.transformer_dropout)

    def forward(self, x_nlc: Tensor) -> Tensor:
        x = self.norm1(x_nlc + self.dropout(self.attention(x_nlc)))
        y = self.linear2(self.dropout(F.gelu(self.linear1(x))))
        return self.norm2(x + self.dropout(y))


class DisparityTransformer(nn.Module):
    """Patches of the volume become tokens; each site attends over its disparities; upsampled again.

    forward: (B,C,D,h,w) -> (B,C,D,h,w).
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        dim = config.volume_dim
        self.patch = nn.Sequential(nn.Conv3d(dim, dim, PATCH, stride=PATCH, groups=dim), nn.BatchNorm3d(dim))
        self.layers = nn.ModuleList(TransformerLayer(config) for _ in range(config.transformer_layers))

    def forward(self, volume_bcdhw: Tensor) -> Tensor:
        patches = self.patch(volume_bcdhw)
        b, c, d, h, w = patches.shape
        tokens = patches.permute(0, 3, 4, 2, 1).reshape(b * h * w, d, c)
        tokens = tokens + sinusoidal_positions(d, c, like=tokens)
        for layer in self.layers:
            tokens = layer(tokens)
        mixed = tokens.reshape(b, h, w, d, c).permute(0, 4, 3, 1, 2)
        return F.interpolate(mixed, size=volume_bcdhw.shape[2:], mode="trilinear", align_corners=False)
