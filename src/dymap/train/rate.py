"""Training for a small file: what a field costs, in bits, is minimised together with its errors.

    a field -> whole numbers and streams, as in a file (dymap/video) -> its size -> coarseness, scales    now and then
    coarseness, scales -> gradients of (loss a bit) * bits -> those of the losses, before Adam        every EVERY steps

A value w that is rounded to multiples of s takes about -log2 P bits, with P what a Laplace distribution around zero of
scale b = mean |w| gives to [w - s / 2, w + s / 2]; each level of a hash table and each parameter of the decoder has a
scale of its own. Of the decoder that is what it has learned: the difference from its known start (field/start.py), or,
in segments that start from a common training, from what that has learned, which all segments of a file share.
This idea is that of learned compression (J. Balle et al., "End-to-end optimized image compression", 2017).

There is one thing to choose, the coarseness of rounding (video/quantise.py). Errors of rounding grow with its square,
and halving it takes a bit more for each value: where both are in balance, what a bit is worth grows with its square
too. So the coarseness is always the one that makes the size what is asked for, the loss of a bit follows it slowly, and
the file is rounded as the training ends.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from dymap.config import Config
from dymap.field.field import Field
from dymap.video.hash_code import write_hash
from dymap.video.packed_header import HASH
from dymap.video.quantise import DECODER, STANDARD, decoder_start, quantise, steps_of, with_parameters
from dymap.video.value_code import in_blocks, write_values

BEGIN = 0.25
"""Share of the steps before which the rate does not count: a field learns its coarse shape first."""
MEASUREMENTS = 60
"""How often the size is measured in a training, and the coarseness moved."""
EVERY = 4
"""Steps between two that have gradients of the rate, which are as many times larger."""
WORTH = 50.0
"""Loss of a bit / coarseness^2: of those that were tried, the best at a given size (docs/training.md)."""
SLOW = 0.1
"""Share of the way that the worth of a bit goes to that of the coarseness at each measurement, in logarithms: values
follow it slowly too."""
LEAST, MOST = 1e-6, 2.4e-5
"""Between these coarsenesses; at the upper one pictures of the built-in sample fall apart."""
LARGEST = 2**30
"""Numbers of steps of rounding."""
LEAST_SCALE = 0.25
"""Scales are so many quantiser steps at least: a part that is all zero can still begin to say something."""
LN2 = math.log(2)


def bits(value: Tensor, step: Tensor, scale: Tensor) -> Tensor:
    """What each value takes, rounded to multiples of `step`, under a Laplace distribution of mean |value| `scale`."""
    far, half = value.abs(), step / 2
    outside = (far / scale - torch.log(torch.sinh(half / scale))) / LN2
    near = torch.minimum(far, half)
    inside = -torch.log1p(-(torch.exp((near - half) / scale) + torch.exp(-(near + half) / scale)) / 2) / LN2
    return torch.where(far > half, outside, inside)


def slope(value: Tensor, step: Tensor, scale: Tensor) -> Tensor:
    """Derivative of `bits` by the value: 0 at 0, +-1 / (scale ln 2) from half a step on."""
    half = step / 2
    near = torch.minimum(value.abs(), half)
    towards, away = torch.exp((near - half) / scale), torch.exp(-(near + half) / scale)
    return value.sign() * (towards - away) / (2 - towards - away) / (scale * LN2)


class Rate(nn.Module):
    """The rate's part of a training. All that it knows between steps are buffers, which checkpoints keep.

    coarseness: of rounding; settled: by which a bit is worth something. size: MB a frame as last measured. steps,
    scales, held: of levels [3, L] of the three tables; held: entries that any step has touched. decoder_scales:
    [parameters, 2], the second for differences inside the blocks of upsamplings. near: what is known of the decoder,
    one parameter after the other.
    """

    coarseness: Tensor
    settled: Tensor
    size: Tensor
    steps: Tensor
    scales: Tensor
    held: Tensor
    decoder_scales: Tensor
    near: Tensor

    def __init__(self, field: Field, config: Config, shared: bool = False):
        """shared: what the field's decoder holds now is known, as it is that of a common training."""
        super().__init__()
        self.aim, self.total = config.train.rate, config.train.steps
        self.first = round(BEGIN * self.total)
        self.between = max((self.total - self.first) // MEASUREMENTS, 1)
        self.code_dim = config.field.code_dim
        self.offsets = torch.tensor(field.hash.levels.offsets)
        start = decoder_start(config.field, config.train.seed if config.train.quick_start else None)
        decoder = {name: value for name, value in field.named_parameters() if name.startswith(DECODER)}
        self.names = list(decoder)
        self.shapes = [value.shape for value in decoder.values()]
        known = decoder if shared else {name: start.get(name, torch.zeros_like(v)) for name, v in decoder.items()}
        # Steps of the decoder depend on its sizes and the coarseness only.
        coded = field.with_codes(field.boxes.new_zeros(field.num_frames, self.code_dim))
        steps = steps_of(coded, 1.0)
        self.decoder_step = {name: steps[name][0] for name in self.names}
        levels, parameters = (3, len(self.offsets) - 1), (len(self.names), 2)
        self.register_buffer("coarseness", torch.tensor(STANDARD))
        self.register_buffer("settled", torch.tensor(STANDARD))
        self.register_buffer("size", torch.tensor(0.0))
        for name in ("steps", "scales", "held"):
            self.register_buffer(name, torch.ones(levels))
        self.register_buffer("decoder_scales", torch.ones(parameters))
        flat = [value.detach().reshape(-1).float().cpu() for value in known.values()]
        self.register_buffer("near", torch.cat(flat))

    @torch.no_grad()
    def add_gradients(self, field: Field, optimiser: torch.optim.Optimizer, step: int) -> dict[str, float]:
        """Add those of (loss a bit) * bits to the field's if it is their turn; returns what the loss is, or {}."""
        if step < self.first:
            return {}
        if not self.size or (step - self.first) % self.between == 0:
            self.measure(field, optimiser)
        if step % EVERY == 0:
            a_bit = EVERY * self.loss_a_bit()
            for index, table in enumerate(field.hash.tables):
                add_to_touched(table, self.offsets, self.steps[index], self.scales[index], a_bit * self.held[index])
            known = self.known()
            for index, (name, value) in enumerate(self.decoder(field).items()):
                if value.grad is not None:
                    slopes = self.slopes(name, value - known[name], self.decoder_scales[index])
                    value.grad.add_(slopes, alpha=a_bit)
        return {"rate": self.loss_a_bit() * float(self.size) * 8e6 * field.num_frames}

    @contextmanager
    @torch.no_grad()
    def rounded(self, field: Field, step: int) -> Iterator[None]:
        """Meanwhile the field holds what a file of it would give back, so that gradients are those at these values.

        Where nothing felt the errors of rounding, values would shrink, and what reads them would amplify them.
        """
        if step < self.first or not self.size:
            yield
            return
        held = dict[Tensor, Tensor]()
        try:
            for index, table in enumerate(field.hash.tables):
                held[table] = table.data
                table.data = self.rounded_table(table, self.steps[index])
            for name, value in self.decoder(field).items():
                held[value], size = value.data, self.decoder_step[name] * float(self.coarseness)
                value.data = (value / size).round() * size
            with torch.enable_grad():
                yield
        finally:
            for value, own in held.items():
                value.data = own

    def rounded_table(self, table: Tensor, steps: Tensor) -> Tensor:
        """A hash table, each level rounded to multiples of its step [L]."""
        out = torch.empty_like(table)
        for first, last, size in zip(self.offsets, self.offsets[1:], steps.tolist(), strict=False):
            out[first:last] = torch.fake_quantize_per_tensor_affine(table[first:last], size, 0, -LARGEST, LARGEST)
        return out

    def loss_a_bit(self) -> float:
        return WORTH * float(self.settled) ** 2

    @torch.no_grad()
    def measure(self, field: Field, optimiser: torch.optim.Optimizer) -> None:
        """Measure the size, and choose the coarseness that makes it what is aimed at."""
        masks = [touched_ever(table, optimiser) for table in field.hash.tables]
        tables = {name: field.get_parameter(name) * mask[:, None] for name, mask in zip(HASH, masks, strict=True)}
        used = with_parameters(field.with_codes(field.boxes.new_zeros(field.num_frames, self.code_dim)), tables)
        coarseness = float(self.coarseness)
        steps = steps_of(used, coarseness)
        known = self.known()
        symbols = quantise(used, steps, {name: value.double().cpu() for name, value in known.items()})
        decoder = {name: symbols[name] for name in self.names}
        count = len(write_hash([symbols[name] for name in HASH], field.hash.levels.offsets)) + len(
            write_values(decoder)
        )
        self.size.fill_(count / 1e6 / field.num_frames)
        self.coarseness.fill_(bounded(coarseness * (float(self.size) / self.aim) ** 2))  # half the size: four times it
        self.settled.fill_(float(self.settled) ** (1 - SLOW) * float(self.coarseness) ** SLOW)
        steps = steps_of(used, float(self.coarseness))
        for index, (table, mask) in enumerate(zip(tables.values(), masks, strict=True)):
            for level, (first, last) in enumerate(zip(self.offsets, self.offsets[1:], strict=False)):
                own = table[first:last][mask[first:last]]
                self.held[index, level] = len(own)
                self.steps[index, level] = steps["hash"][level]
                self.scales[index, level] = scale_of(own, steps["hash"][level])
        for index, (name, value) in enumerate(self.decoder(field).items()):
            coded = [value - known[name]]
            if in_blocks(name, tuple(value.shape)):
                first, others = apart(coded[0])
                coded = [first, others]
            for part, own in enumerate(coded):
                self.decoder_scales[index, part] = scale_of(own, steps[name][0])

    def decoder(self, field: Field) -> dict[str, Tensor]:
        return {name: field.get_parameter(name) for name in self.names}

    def known(self) -> dict[str, Tensor]:
        """`near` by the names of the decoder's parameters."""
        parts = self.near.split([shape.numel() for shape in self.shapes])
        return {name: part.view(shape) for name, part, shape in zip(self.names, parts, self.shapes, strict=True)}

    def slopes(self, name: str, learned: Tensor, scale: Tensor) -> Tensor:
        """Derivative of a decoder parameter's bits. learned: what it differs by from what is known. scale: [2]."""
        step = self.decoder_step[name] * self.coarseness.to(scale)
        if not in_blocks(name, tuple(learned.shape)):
            return slope(learned, step, scale[0])
        first, others = apart(learned)
        by_others = slope(others, step, scale[1])
        return together(slope(first, step, scale[0]) - by_others.sum(dim=1, keepdim=True), by_others, learned.shape)


def add_to_touched(table: Tensor, offsets: Tensor, steps: Tensor, scales: Tensor, weights: Tensor) -> None:
    """Add the slopes of entries that the step has touched to a table's gradient. steps, scales, weights: [L] of levels.

    A level's weight is shared by its entries that were touched: an entry that few steps touch feels the rate as seldom
    as its errors, and as much stronger.
    """
    if table.grad is None:
        return
    touched = torch.nonzero((table.grad != 0).any(dim=1))[:, 0]
    level = torch.bucketize(touched, offsets.to(touched.device)[1:], right=True)
    counts = torch.bincount(level, minlength=len(weights)).clamp(min=1)
    share = (weights / counts.to(weights.device))[level, None]
    table.grad.index_add_(0, touched, share * slope(table[touched], steps[level, None], scales[level, None]))


def bounded(coarseness: float) -> float:
    return min(max(coarseness, LEAST), MOST)


def touched_ever(table: Tensor, optimiser: torch.optim.Optimizer) -> Tensor:
    """[entries] bool, whether an entry had a gradient in any step so far."""
    state = optimiser.state.get(table)
    if not state:
        return torch.zeros(len(table), dtype=torch.bool, device=table.device)
    return (state["exp_avg_sq"] != 0).any(dim=1)


def scale_of(values: Tensor, step: float) -> float:
    """Of a Laplace distribution that fits the values best."""
    return max(float(values.abs().mean()) if values.numel() else 0.0, LEAST_SCALE * step)


def apart(values: Tensor) -> tuple[Tensor, Tensor]:
    """A kernel [a, b, 4, 4] as it is coded: the first of each block of 2 x 2 [n, 1], the others less it [n, 3]."""
    blocks = values.reshape(*values.shape[:2], 2, 2, 2, 2).transpose(3, 4).reshape(-1, 4)
    return blocks[:, :1], blocks[:, 1:] - blocks[:, :1]


def together(first: Tensor, others: Tensor, shape: torch.Size) -> Tensor:
    """Blocks [n, 1], [n, 3] in their places in a kernel."""
    blocks = torch.cat([first, others], dim=1).reshape(*shape[:2], 2, 2, 2, 2)
    return blocks.transpose(3, 4).reshape(shape)
