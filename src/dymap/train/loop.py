"""The training loop: batches, losses, Adam, checkpoints (method.md 6).

    sampler.draw(step) -> items -> field.at(frame) -> integrate -> losses -> backward -> clip -> Adam

What a step computes depends on the parameters, the optimiser's state, the seed, the step's number and the number of
processes alone, so a run that was killed and resumed computes the same numbers as one that was not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dymap.capture import Capture
from dymap.capture.hull import hull_shape
from dymap.config import Config
from dymap.errors import InputError
from dymap.field.codes import CodeTable, ImageEncoder
from dymap.field.field import Field
from dymap.field.hashgrid import CollapsedHash
from dymap.field.lattice import density_lattice
from dymap.render.march import march_step
from dymap.render.sampling import hull_depths, look_up, scattered_lattice
from dymap.render.volume import Rendered, integrate, intervals, ray_depths
from dymap.train.adam import LazyAdam
from dymap.train.batches import BatchSampler, Item
from dymap.train.checkpoint import checkpoints, load_checkpoint, save_checkpoint, sweep
from dymap.train.distributed import World
from dymap.train.losses import Losses, LossFunction, empty_loss, psnr, published_losses, surface_loss
from dymap.train.schedule import lr_factor

LAZY_ADAM: dict[str, Any] = {"betas": (0.9, 0.99), "eps": 1e-12}
"""Of the hash tables with `lazy_adam`: an entry is touched every 30th step or so, by small gradients."""


ALONE = World()


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


Listener = Callable[[StepReport], None]


def new_field(config: Config, boxes: Tensor) -> Field:
    """An untrained field with the initial values that the seed and the configuration ask for.

    boxes: [frames, 2, 3] world, metres. Raises ValueError for sizes that do not fit each other.
    """
    torch.manual_seed(config.train.seed)
    field = Field(config.field, boxes)
    if config.train.quick_start:
        field.decoder.quick_start()
        if isinstance(field.codes, CodeTable):
            field.codes.quick_start()
    return field


def make_optimiser(field: Field, config: Config) -> torch.optim.Adam:
    """Adam with one group a tensor, in the order codes or encoder, decoder, hash tables."""
    train = config.train
    rates = {"codes": train.lr_codes, "decoder": train.lr_decoder, "hash": train.lr_hash}
    groups: list[dict[str, Any]] = [
        {"params": [parameter], "lr": rates[part], "base_lr": rates[part]}
        for part, parameters in field.parameter_groups()
        for parameter in parameters
    ]
    if train.lazy_adam:
        for group in groups:
            if any(group["params"][0] is table for table in field.hash.tables):
                group |= LAZY_ADAM
        return LazyAdam(groups, field, train.clip_value)
    # Fused Adam computes the same numbers in one pass over memory instead of ten.
    fused = all(p.device.type in ("cpu", "cuda") for p in field.parameters())
    return torch.optim.Adam(groups, betas=(0.9, 0.999), eps=1e-8, fused=fused)


def render_item(
    field: Field, item: Item, sampler: BatchSampler, config: Config, generator: torch.Generator, step: int = 0
) -> tuple[Rendered, Losses]:
    """Render the rays of an item, differentiably, with stratified samples; and the losses that need no rays.

    In the box (the published recipe), or, with `hull_samples`, in the masks' visual hull and mostly where the frame's
    own density says that something is seen. There one collapse of the hash grids serves all rays, and a loss keeps
    the space outside the hull empty, which no ray samples.
    """
    train = config.train
    device = item.rgb.device

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator).to(device)

    def seen_from() -> Tensor:
        """Directions that the colours are learned from."""
        if not train.view_noise:
            return item.rays.directions
        noise = torch.randn(item.rays.directions.shape, generator=generator).to(device)
        return torch.nn.functional.normalize(item.rays.directions + train.view_noise * noise, dim=1)

    code, losses = None, {}
    if isinstance(field.codes, ImageEncoder):
        distribution = field.codes(sampler.encoder_images(item.frame, field.config.encoder_views)[None])
        noise = torch.randn(1, field.config.code_dim, generator=generator).to(device)
        code, losses["kl"] = distribution.sample(noise)[0], train.kl_weight * distribution.kl().mean()
    if train.hull_samples == 0:
        z = ray_depths(
            item.rays.near, item.rays.far, config.render.samples, uniform(len(item.rays), config.render.samples)
        )
        frame = field.at(item.frame, code, collapse=False)
        return integrate(frame, item.rays, z, intervals(z), train.colour_threshold, seen_from()), losses
    frame = field.at(item.frame, code)
    if field.hash.gradients is not None:  # which are not looked at any more once they are added to these
        assert isinstance(frame.hash, CollapsedHash)
        frame.hash.grids.register_hook(lambda gradient: check_finite({"gradient of hash": gradient.norm()}, step))
    hull = sampler.hull(item.frame)
    lattice = scattered_lattice([uniform(n) for n in hull_shape(frame.box.cpu().numpy(), train.proposal_grid)])
    sigma = density_lattice(frame, *lattice)
    length = march_step(frame.box, config.render.max_samples)
    losses["empty"] = train.empty_weight * empty_loss(sigma, look_up(hull, lattice), length)
    if train.surface_weight:
        losses["surface"] = train.surface_weight * surface_loss(sigma, length)
    jitter = uniform(len(item.rays), train.hull_samples)
    z, dist, hit = hull_depths(item.rays, frame.box, hull, jitter, sigma.detach())
    chosen = torch.nonzero(hit)[:, 0]
    z, dist, views = (part[chosen] for part in (z, dist, seen_from()))
    seen = integrate(frame, item.rays[chosen], z, dist, train.colour_threshold, views)
    return seen.among(item.rays, chosen), losses


def train_step(
    field: Field,
    optimiser: torch.optim.Optimizer,
    sampler: BatchSampler,
    config: Config,
    step: int,
    loss_function: LossFunction = published_losses,
    world: World = ALONE,
) -> StepReport:
    """One step. Raises NotFiniteError before anything is changed if a loss or a gradient is not finite; PeerError if
    that, or anything else, happened to another process."""
    started = time.perf_counter()
    factor = lr_factor(step, config.train)
    for group in optimiser.param_groups:
        group["lr"] = group["base_lr"] * factor
    optimiser.zero_grad(set_to_none=True)
    parameters = list(field.parameters())
    present = [False] * len(parameters)
    with world.agree(present):
        rays, totals = add_gradients(field, sampler, config, step, loss_function, world.rank)
        present[:] = [parameter.grad is not None for parameter in parameters]
    world.average(parameters, present, field.hash.gradients or ())
    if not isinstance(optimiser, LazyAdam):
        torch.nn.utils.clip_grad_value_(parameters, config.train.clip_value)
    optimiser.step()
    quality = psnr(torch.tensor(totals["colour"])).item() if totals.get("colour") else float("nan")
    lr = config.train.lr_hash * factor
    return StepReport(step, totals, quality, lr, rays * world.size, time.perf_counter() - started)


def add_gradients(
    field: Field, sampler: BatchSampler, config: Config, step: int, loss_function: LossFunction, rank: int
) -> tuple[int, dict[str, float]]:
    """Draw a process's batch and add the gradients of its losses to those of the field.

    Returns how many rays it has, and the losses. Raises NotFiniteError.
    """
    # The generator takes 32 bits of its seed; multiples of 2^32 / golden ratio keep the ranks' seeds far apart there.
    generator = torch.Generator().manual_seed(config.train.seed * 1_000_003 + step + rank * 2_654_435_769)
    items = sampler.draw(step)
    totals: dict[str, float] = {}
    counted = [int((~item.edge).sum()) for item in items]
    for item, count in zip(items, counted, strict=True):
        seen, losses = render_item(field, item, sampler, config, generator, step)
        losses = {name: value / len(items) for name, value in losses.items()}
        if count:  # weighted so that the sum is the mean over all rays of the batch that count
            share = count / sum(counted)
            losses |= {name: value * share for name, value in loss_function(seen, item, config.train).items()}
        check_finite({f"loss {name}": value for name, value in losses.items()}, step)
        if losses:
            torch.stack(list(losses.values())).sum().backward()
        for name, value in losses.items():
            totals[name] = totals.get(name, 0.0) + value.item()
    gradients = {name: p.grad for name, p in field.named_parameters() if p.grad is not None}
    norms = torch.stack(torch._foreach_norm(list(gradients.values())))
    if not torch.isfinite(norms).all():
        check_finite({f"gradient of {name}": value for name, value in gradients.items()}, step)
    return sum(len(item.rays) for item in items), totals


def check_finite(tensors: dict[str, Tensor], step: int) -> None:
    for name, value in tensors.items():
        if not torch.isfinite(value).all():
            raise NotFiniteError(f"step {step}: {name} is not finite; the last checkpoint is from before it")


def train(
    field: Field,
    capture: Capture,
    config: Config,
    checkpoint_folder: Path | None = None,
    *,
    loss_function: LossFunction = published_losses,
    listeners: tuple[Listener, ...] = (),
    should_stop: Callable[[], bool] = lambda: False,
    world: World = ALONE,
) -> int:
    """Train until `config.train.steps` steps are done, resuming from the newest checkpoint; returns the steps done.

    field: on the device to train on; its boxes must be the capture's. listeners hear of every step; when
    should_stop() is true the run ends cleanly after the step. Checkpoints are written every `checkpoint_every` steps
    and at the end. world: the processes that train the field together, `config.train.processes` of them; it is enough
    that one should stop; the leading one writes, and all of them read the same folder. Raises NotFiniteError,
    InputError, and PeerError where another process did.
    """
    stop = [False]
    with world.agree(stop):
        check_fit(field, capture, config, world)
        sampler = BatchSampler(capture, config.train, field.boxes.device, world.rank)
        optimiser = make_optimiser(field, config)
        step = saved = resume(checkpoint_folder, field, optimiser, world) if checkpoint_folder else 0
        stop[0] = should_stop()
    begin_alike(step, checkpoint_folder, field, world)

    def save() -> None:
        nonlocal saved
        if checkpoint_folder and saved < step and world.leads:
            check_finite(dict(field.named_parameters()), step)
            save_checkpoint(checkpoint_folder, step, field, optimiser, config.train.keep_checkpoints)
            saved = step

    while step < config.train.steps and not stop[0]:
        report = train_step(field, optimiser, sampler, config, step, loss_function, world)
        step += 1
        with world.agree(stop):
            for listener in listeners:
                listener(report)
            if step % config.train.checkpoint_every == 0:
                save()
            stop[0] = should_stop()
    with world.agree():
        save()
    return step


def check_fit(field: Field, capture: Capture, config: Config, world: World) -> None:
    """Raises InputError if field, capture, configuration and world do not belong together."""
    if field.num_frames != len(capture.frames):
        raise InputError(f"the field has {field.num_frames} frames, the capture {len(capture.frames)}")
    if config.train.use_masks and not capture.has_masks:
        raise InputError(
            f"{capture.name} has no masks: train with --set train.use_masks=false train.hull_samples=0, which fills "
            "the box with samples and needs many more steps"
        )
    if world.size != config.train.processes:
        raise InputError(
            f"train.processes is {config.train.processes}, but {world.size} train: start so many with "
            "dymap train --processes or with torchrun"
        )


def resume(folder: Path, field: Field, optimiser: torch.optim.Optimizer, world: World) -> int:
    """Load the newest checkpoint, if there is one; returns the steps that are done."""
    if world.leads:
        sweep(folder)
    found = checkpoints(folder)
    return load_checkpoint(found[-1][1], field, optimiser) if found else 0


def begin_alike(step: int, folder: Path | None, field: Field, world: World) -> None:
    """Make all processes begin at the same step, or raise InputError, and with the same parameters."""
    leading = torch.tensor(step)
    world.broadcast([leading])
    with world.agree():
        if int(leading) != step:
            raise InputError(
                f"{folder}: process {world.rank} finds {step} steps done here, the leading process {int(leading)}; all "
                "machines must see the same folder"
            )
    world.broadcast(field.state_dict().values())
