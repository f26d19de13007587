"""What a call of `Simulator.run` asks for, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

from .. import validation as check
from ..description.inputs import Stimulus
from ..description.network import Network
from . import batch_inputs, batch_learning
from .batch_inputs import BatchInputs
from .engine import Engine

OWNER: Final = "Simulator"
MOST_FIRST: Final = 1 << 53  # the number of the first sample of a batch


@final
@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """A single run or a batch, with arguments that fit the network.

    seconds: how long [s]; samples: for each sample of a batch the stimuli that take the place of
    inputs, by their names, None for a single run; learn: how a batch changes weights, None where
    nothing can learn; first: the number of the first sample; progress: whether a bar is shown, None
    for long runs on a terminal; record_to: the folder of a recorded run; resume: whether to take up
    such a run.
    """

    seconds: float
    samples: list[dict[str, Stimulus]] | None
    learn: str | None
    first: int
    progress: bool | None
    record_to: Path | None
    resume: bool


def checked(
    engine: Engine,
    network: Network,
    duration: float | BatchInputs,
    inputs: BatchInputs | None = None,
    batch: int | None = None,
    learn: str | None = None,
    first: int | None = None,
    progress: bool | None = None,
    record_to: Any = None,
    resume: bool = False,
) -> RunRequest:
    """The request that these arguments of `Simulator.run` make; PotentiaError for any that is bad.

    engine: what is to run; network: as described. Inputs in place of the duration are those of a
    batch that lasts as long as the longest of them.
    """
    if isinstance(duration, Mapping):
        inputs = batch_inputs.checked(duration)
        duration = engine.covering(batch_inputs.longest(inputs))
    elif inputs is not None:
        inputs = batch_inputs.checked(inputs)
    progress = None if progress is None else check.flag(OWNER, "run progress", progress)
    resume = check.flag(OWNER, "run resume", resume)
    record_to = None if record_to is None else check.path(OWNER, "run record_to", record_to)
    seconds = check.seconds(OWNER, "run duration", duration, least=0.0)
    samples = None
    number = 0 if first is None else check.whole(OWNER, "run first", first, most=MOST_FIRST)
    if inputs is None and batch is None:
        _check_single(learn, first, record_to, resume)
    else:
        if record_to is not None:
            raise check.fail(OWNER, "run record_to", "must be None for a batch", record_to)
        if resume:
            rule = "must be False for a batch, which keeps no checkpoints"
            raise check.fail(OWNER, "run resume", rule, resume)
        samples = batch_inputs.samples(network, inputs or {}, batch, number)
        learn = batch_learning.wanted(network, learn)
    return RunRequest(
        seconds=seconds,
        samples=samples,
        learn=learn,
        first=number,
        progress=progress,
        record_to=record_to,
        resume=resume,
    )


def _check_single(learn: Any, first: Any, record_to: Path | None, resume: bool) -> None:
    if learn is not None:
        rule = "must be None without a batch: a single run always learns"
        raise check.fail(OWNER, "run learn", rule, learn)
    if first is not None:
        rule = "must be None without a batch: it is the number of a batch's first sample"
        raise check.fail(OWNER, "run first", rule, first)
    if resume and record_to is None:
        rule = "needs record_to, the folder of the broken run"
        raise check.fail(OWNER, "run resume", rule, resume)
