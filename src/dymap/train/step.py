"""One training step: a batch, its losses, their gradients, and Adam (method.md 6).

    draw items -> forward -> losses -> backward -> mean over all processes (-> rate) -> clip, Adam

What a step computes depends only on the parameters, the optimiser's state, the seed, the step's number and the number
of processes, so a run that was killed and resumed computes the same numbers as one that was not.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from dymap.config import Config
from dymap.field.field import Field
from dymap.train.batches import BatchSampler
from dymap.train.colours import ColourMatch
from dymap.train.distributed import ALONE, World
from dymap.train.forward import Draws, Step, forward
from dymap.train.losses import Losses, losses_of, psnr
from dymap.train.rate import Rate
from dymap.train.schedule import lr_factor


class NotFiniteError(RuntimeError):
    """A tensor became infinite or NaN; the message names the step and the tensor."""


@dataclass(frozen=True)
class StepReport:
    """What one step measured. losses: weighted terms; psnr: of the drawn rays, dB; rays: of all processes; seconds:
    wall time. Losses and PSNR are those of this process's batch."""

    step: int
    losses: dict[str, float]
    psnr: float
    lr: float
    rays: int
    seconds: float


def train_step(
    field: Field,
    optimiser: torch.optim.Optimizer,
    sampler: BatchSampler,
    config: Config,
    step: int,
    losses: Losses | None = None,
    world: World = ALONE,
    colours: ColourMatch | None = None,
    rate: Rate | None = None,
) -> StepReport:
    """One step. losses: default those that the configuration asks for. colours: of the cameras, with `colour_match`.
    rate: with `train.rate`.

    Raises NotFiniteError before anything is changed if a loss or a gradient is not finite; PeerError if that, or
    anything else, happened to another process.
    """
    started = time.perf_counter()
    factor = lr_factor(step, config.train)
    for group in optimiser.param_groups:
        group["lr"] = group["base_lr"] * factor
    optimiser.zero_grad(set_to_none=True)
    parameters = [*field.parameters(), *(colours.parameters() if colours else ())]
    present = [False] * len(parameters)
    rounded = rate.rounded(field, step) if rate else nullcontext()
    with world.agree(present), rounded:
        rays, totals = add_gradients(field, sampler, config, step, losses, world.rank, colours)
        present[:] = [parameter.grad is not None for parameter in parameters]
    world.average(parameters, present)
    if rate:
        totals |= rate.add_gradients(field, optimiser, step)
    optimiser.step()
    quality = psnr(torch.tensor(totals["colour"])).item() if totals.get("colour") else float("nan")
    lr = config.train.lr_hash * factor
    return StepReport(step, totals, quality, lr, rays * world.size, time.perf_counter() - started)


def add_gradients(
    field: Field,
    sampler: BatchSampler,
    config: Config,
    step: int,
    losses: Losses | None = None,
    rank: int = 0,
    colours: ColourMatch | None = None,
) -> tuple[int, dict[str, float]]:
    """Draw a process's batch and add the gradients of its losses to those of the field.

    Returns how many rays it has, and the losses. Raises NotFiniteError.
    """
    losses = losses_of(config) if losses is None else losses
    # The generator takes 32 bits of its seed; multiples of 2^32 / golden ratio keep the ranks' seeds far apart there.
    draws = Draws(config.train.seed * 1_000_003 + step + rank * 2_654_435_769, sampler.device)
    items = sampler.draw(step)
    counted = [int(item.counts.sum()) for item in items]
    totals: dict[str, float] = {}
    for item, count in zip(items, counted, strict=True):
        done = forward(field, item, sampler, config, draws, colours)
        terms = weigh(done, losses, count / max(sum(counted), 1), len(items))
        check_finite({f"loss {name}": value for name, value in terms.items()}, step)
        if terms:
            torch.stack(list(terms.values())).sum().backward()
        for name, value in terms.items():
            totals[name] = totals.get(name, 0.0) + value.item()
    named = [*field.named_parameters(), *(colours.named_parameters("colours") if colours else ())]
    gradients = {name: p.grad for name, p in named if p.grad is not None}
    norms = torch.stack(torch._foreach_norm(list(gradients.values())))
    if not torch.isfinite(norms).all():
        check_finite({f"gradient of {name}": value for name, value in gradients.items()}, step)
    return sum(len(item.rays) for item in items), totals


def weigh(step: Step, losses: Losses, share: float, items: int) -> dict[str, Tensor]:
    """What an item adds to each loss of a batch. share: of the batch's rays that count; items: of the batch."""
    terms = {}
    for name, loss in losses.items():
        if loss.over == "items":
            terms[name] = loss.weight * loss.function(step) / items
        elif share:
            terms[name] = loss.weight * loss.function(step) * share
    return terms


def check_finite(tensors: Mapping[str, Tensor], step: int) -> None:
    """Raises NotFiniteError that names the first tensor that holds something else than finite numbers."""
    for name, value in tensors.items():
        if not torch.isfinite(value).all():
            raise NotFiniteError(f"step {step}: {name} is not finite; the last checkpoint is from before it")
