"""The key names of the released models, and ours (method.md 14)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

# (released, ours); {i} is a running number that both names share after `_number` translated it.
_RULES = (
    (r"hashtable_(xyt|xzt|yzt)\.embeddings", r"hash.\1"),
    (r"latent_vectors\.weight", "codes.weight"),
    (r"latent_vectors\.down1\.0\.(\d+)\.", r"codes.down.\1."),
    (r"latent_vectors\.down2\.", "codes.mix."),
    (r"latent_vectors\.(mu|logstd)\.", r"codes.\1."),
    (r"plane_decoder\.backbone\.0\.", "decoder.code."),
    (r"plane_decoder\.feat_conv\.", "decoder.features."),
    (r"plane_decoder\.density_conv\.", "decoder.density."),
    (r"plane_decoder\.kn_backbone\.", "decoder.trunk."),
    (r"plane_decoder\.kn_([xyz])_conv\.", r"decoder.map_\1."),
)
# Stored by the published implementation but derived from others, or copies.
_REDUNDANT = (r"hashtable_\w+\.offsets", r"latent_vectors\.down1\.[1-9]\d*\.")


def our_key(released: str) -> str | None:
    """Our name of a released parameter; None for those that hold nothing of their own. KeyError if unknown."""
    if any(re.match(pattern, released) for pattern in _REDUNDANT):
        return None
    if match := re.fullmatch(r"plane_decoder\.backbone\.(\d+)\.(weight|bias)", released):
        number = int(match[1])
        # backbone.1 is the reshape: the upsampling layers count from 2.
        return f"decoder.code.{match[2]}" if number == 0 else f"decoder.up.{number - 2}.{match[2]}"
    for pattern, ours in _RULES:
        if re.match(pattern, released):
            return re.sub(pattern, ours, released)
    raise KeyError(released)


def from_released(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Parameters under released names -> the same tensors under ours."""
    return {ours: value for key, value in state.items() if (ours := our_key(key)) is not None}
