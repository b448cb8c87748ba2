"""Attention along the disparity axis of the cost volume, at a quarter of its resolution (paper 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stereo_model.network.config import DisparityAttention, ModelConfig

PATCH = 4  # bins and quarter-resolution pixels per token
BASE = 10000.0  # ratio of the slowest to the fastest angle of a position code
ALIGNED = 8  # channels; fused attention kernels want heads of a multiple of these


def position_angles(length: int, channels: int, *, device: torch.device) -> Tensor:
    """Angle (length, channels // 2) of each position for rates that fall from 1 to nearly 1 / BASE."""
    rate = BASE ** (-torch.arange(0, channels // 2 * 2, 2, device=device, dtype=torch.float32) / channels)
    return torch.arange(length, device=device, dtype=torch.float32)[:, None] * rate


def sinusoidal_positions(length: int, channels: int, *, like: Tensor) -> Tensor:
    """Position code (length, channels): sine at even channels, cosine of the same angle at odd ones."""
    angle = position_angles(length, channels, device=like.device)
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1).to(like.dtype)


def rotated(x_nhlc: Tensor) -> Tensor:
    """Rotary positions: each pair of channels turned by its position's angle; an odd last one is kept.

    The product of two rotated vectors depends on the difference of their positions alone.
    """
    length, channels = x_nhlc.shape[-2:]
    angle = position_angles(length, channels, device=x_nhlc.device)
    cos, sin = angle.cos().to(x_nhlc.dtype), angle.sin().to(x_nhlc.dtype)
    paired = channels // 2 * 2
    even, odd = x_nhlc[..., 0:paired:2], x_nhlc[..., 1:paired:2]
    turned = torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)
    return torch.cat([turned, x_nhlc[..., paired:]], dim=-1)


class TokenAttention(nn.Module):
    """Multi-head attention over tokens (N,L,C), or over the heads of each token.

    See `ModelConfig.disparity_attention` and `ModelConfig.positions`.
    """

    def __init__(self, channels: int, heads: int, over: DisparityAttention, *, rotary: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.over = over
        self.rotary = rotary
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)
        self.out = nn.Linear(channels, channels)

    def forward(self, x_nlc: Tensor) -> Tensor:
        parts = (
            torch.unflatten(part(x_nlc), -1, (self.heads, -1)) for part in (self.query, self.key, self.value)
        )
        q, k, v = (part.transpose(1, 2) for part in parts)
        if self.rotary:
            q, k = rotated(q), rotated(k)
        if self.over == "heads":
            q, k, v = (part.transpose(1, 2) for part in (q, k, v))
            mixed = F.scaled_dot_product_attention(q, k, v)
        else:
            mixed = self._attend(q, k, v).transpose(1, 2)
        out: Tensor = self.out(mixed.flatten(2))
        return out

    def _attend(self, q_nhlc: Tensor, k_nhlc: Tensor, v_nhlc: Tensor) -> Tensor:
        size = q_nhlc.shape[-1]
        if self.over == "volume":  # long sequences: padded so that no implementation stores all pairs
            q_nhlc, k_nhlc, v_nhlc = (F.pad(part, (0, -size % ALIGNED)) for part in (q_nhlc, k_nhlc, v_nhlc))
        return F.scaled_dot_product_attention(q_nhlc, k_nhlc, v_nhlc, scale=size**-0.5)[..., :size]


class TransformerLayer(nn.Module):
    """Post-norm layer: attention and a two-layer perceptron, each with dropout, residual and layer norm."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        dim = config.volume_dim
        self.attention = TokenAttention(
            dim, config.transformer_heads, config.disparity_attention, rotary=config.positions == "rope"
        )
        self.linear1 = nn.Linear(dim, dim)
        self.linear2 = nn.Linear(dim, dim)
        self.norm1 = nn.LayerNorm(dim)
        self.norm2 = nn.LayerNorm(dim)
        self.dropout = nn.Dropout(config.transformer_dropout)

    def forward(self, x_nlc: Tensor) -> Tensor:
        x = self.norm1(x_nlc + self.dropout(self.attention(x_nlc)))
        y = self.linear2(self.dropout(F.gelu(self.linear1(x))))
        out: Tensor = self.norm2(x + self.dropout(y))
        return out


class DisparityTransformer(nn.Module):
    """Patches of the volume become tokens; each site attends over its disparities; upsampled again.

    forward: (B,C,D,h,w) -> (B,C,D,h,w).
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        dim = config.volume_dim
        self.whole_volume = config.disparity_attention == "volume"
        self.coded = config.positions == "cosine"
        self.patch = nn.Sequential(nn.Conv3d(dim, dim, PATCH, stride=PATCH, groups=dim), nn.BatchNorm3d(dim))
        self.layers = nn.ModuleList(TransformerLayer(config) for _ in range(config.transformer_layers))

    def forward(self, volume_bcdhw: Tensor) -> Tensor:
        return enlarge(self.coarse(volume_bcdhw))

    def coarse(self, volume_bcdhw: Tensor) -> Tensor:
        """The result before the upsampling: (B,C,D/4,h/4,w/4)."""
        return self.attend(self.patch(volume_bcdhw))

    def attend(self, patches_bcdhw: Tensor) -> Tensor:
        """All layers on the patches, as sequences of tokens."""
        b, c, d, h, w = patches_bcdhw.shape
        sequences = b if self.whole_volume else b * h * w
        tokens = patches_bcdhw.permute(0, 3, 4, 2, 1).reshape(sequences, -1, c)
        if self.coded:
            tokens = tokens + sinusoidal_positions(tokens.shape[1], c, like=tokens)
        for layer in self.layers:
            tokens = layer(tokens)
        return tokens.reshape(b, h, w, d, c).permute(0, 4, 3, 1, 2)


def enlarge(coarse_bcdhw: Tensor) -> Tensor:
    """All three axes of a volume enlarged by PATCH, trilinear."""
    return F.interpolate(coarse_bcdhw, scale_factor=PATCH, mode="trilinear", align_corners=False)
