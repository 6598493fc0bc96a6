"""Training: steps, one after the other, with checkpoints between them.

new_field -> resume -> { train_step (step.py) -> listeners -> checkpoint } -> checkpoint
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from dymap.capture import Capture
from dymap.config import Config
from dymap.errors import InputError
from dymap.field.codes import CodeTable
from dymap.field.field import Field
from dymap.field.start import begin
from dymap.train.batches import BatchSampler
from dymap.train.checkpoint import read_newest, save_checkpoint, sweep
from dymap.train.colours import ColourMatch
from dymap.train.distributed import ALONE, World
from dymap.train.losses import Losses
from dymap.train.optimiser import make_optimiser
from dymap.train.rate import Rate
from dymap.train.step import StepReport, check_finite, train_step

Listener = Callable[[StepReport], None]


def train(
    field: Field,
    capture: Capture,
    config: Config,
    checkpoint_folder: Path | None = None,
    *,
    losses: Losses | None = None,
    listeners: tuple[Listener, ...] = (),
    should_stop: Callable[[], bool] = lambda: False,
    world: World = ALONE,
    shared: bool = False,
) -> int:
    """Train until `config.train.steps` steps are done, resuming from the newest checkpoint; returns the steps done.

    field: on the device to train on; its boxes must be the capture's. losses: default those that the configuration
    asks for. listeners are called with every step's report; when should_stop() is true the run ends cleanly after the
    step. Checkpoints are written every `checkpoint_every` steps and at the end. world: the processes that train the
    field together, `config.train.processes` of them; it is enough that one should stop; the leading one writes, and all
    of them read the same folder. shared: the decoder begins as that of a common training. Raises NotFiniteError,
    InputError, and PeerError if another process did.
    """
    stop = [False]
    with world.agree(stop):
        check_fit(field, capture, config, world)
        sampler = BatchSampler(capture, config.train, field.boxes.device, world.rank)
        colours = colours_of(capture, config, field.boxes.device)
        optimiser = make_optimiser(field, config, colours)
        rate = Rate(field, config, shared).to(field.boxes.device) if config.train.rate else None
        step = saved = resume(checkpoint_folder, field, optimiser, world, colours, rate) if checkpoint_folder else 0
        stop[0] = should_stop()
    begin_alike(step, checkpoint_folder, field, world)

    def save() -> None:
        nonlocal saved
        if checkpoint_folder and saved < step and world.leads:
            check_finite(dict([*field.named_parameters(), *(colours.named_parameters() if colours else ())]), step)
            save_checkpoint(checkpoint_folder, step, field, optimiser, config.train.keep_checkpoints, colours, rate)
            saved = step

    while step < config.train.steps and not stop[0]:
        report = train_step(field, optimiser, sampler, config, step, losses, world, colours, rate)
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


def new_field(config: Config, boxes: Tensor) -> Field:
    """An untrained field with the initial values that the seed and the configuration ask for.

    boxes: [frames, 2, 3] world, metres. Raises ValueError for sizes that do not fit each other.
    """
    torch.manual_seed(config.train.seed)
    field = Field(config.field, boxes)
    if config.train.quick_start:
        begin(field.decoder, config.train.seed)
        field.decoder.quick_start()
        if isinstance(field.codes, CodeTable):
            field.codes.quick_start()
    return field


def colours_of(capture: Capture, config: Config, device: torch.device) -> ColourMatch | None:
    """The colours of the cameras, if they are learned; the first training view's stay as they are."""
    if not config.train.colour_match:
        return None
    return ColourMatch(len(capture.cameras), capture.train_views[0]).to(device)


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


def resume(
    folder: Path,
    field: Field,
    optimiser: torch.optim.Optimizer,
    world: World,
    colours: ColourMatch | None = None,
    rate: Rate | None = None,
) -> int:
    """Load the newest checkpoint that is not damaged, if there is one; returns the steps that are done.

    Raises InputError if it is of other boxes than the field's.
    """
    if world.leads:
        sweep(folder)
    if (found := read_newest(folder)) is None:
        return 0
    found.check_boxes(field.boxes)
    return found.restore(field, optimiser, colours, rate)


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
