"""What is saved, copied, recorded or taken up again goes on as if nothing had happened."""

from __future__ import annotations

import pickle
import tempfile
from dataclasses import replace
from pathlib import Path

from potentia import Result, Simulator
from potentia.sim.runs import sections, stop

from .case import Case
from .judges import Difference, float_tallies, same, same_state


def saved(case: Case) -> bool:
    """What is saved between two runs and loaded goes on as the one that was saved."""
    simulator = case.simulator()
    simulator.run(case.seconds(case.first))
    with tempfile.TemporaryDirectory() as folder:
        simulator.save(Path(folder) / "saved")
        other = Simulator.load(Path(folder) / "saved", threads=1)
    same_state("loaded", other, simulator)
    same("loaded", other.run(case.seconds(case.second)), simulator.run(case.seconds(case.second)))
    same_state("loaded and run", other, simulator)
    return True


def pickled(case: Case) -> bool:
    """The same by way of pickle, where simulators can be pickled."""
    if not {"__reduce__", "__getstate__", "__reduce_ex__"} & vars(Simulator).keys():
        return False
    simulator = case.simulator()
    simulator.run(case.seconds(case.first))
    other = pickle.loads(pickle.dumps(simulator))
    same_state("pickled", other, simulator)
    same("pickled", other.run(case.seconds(case.second)), simulator.run(case.seconds(case.second)))
    return True


def recorded(case: Case) -> bool:
    """What is written into a folder while the run goes on is what is kept in memory."""
    with tempfile.TemporaryDirectory() as folder:
        simulator = case.simulator()
        simulator.run(case.seconds(case.first))
        result = simulator.run(case.seconds(case.second), record_to=Path(folder) / "run")
        loaded = Result.load(Path(folder) / "run")
    other = case.simulator()
    other.run(case.seconds(case.first))
    expected = other.run(case.seconds(case.second))
    same("recorded", result, expected, tallies=not float_tallies(expected))
    same("recorded and loaded", loaded, result)
    return True


def resumed(case: Case) -> bool:
    """A recorded run that is asked to stop on the way is taken up by a new simulator and ends as
    one that was not.
    """
    case = replace(case, chunk=min(case.chunk, 7))
    whole, duration = case.simulator(), case.seconds(case.first + case.second)
    expected = whole.run(duration)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run"
        if not _stops(case.simulator(), duration, path, 1 + case.seed % 3):
            return False
        other = case.simulator()
        result = other.run(duration, record_to=path, resume=True)
        loaded = Result.load(path)
    same("resumed", result, expected, tallies=not float_tallies(expected))
    same("resumed and loaded", loaded, result)
    # a simulator whose run was over when it was asked catches up once it is used
    same("after it", other.run(case.seconds(1)), whole.run(case.seconds(1)))
    same_state("resumed and run", other, whole)
    return True


def _stops(simulator: Simulator, duration: float, path: Path, look: int) -> bool:
    """Let a recorded run be asked to stop when it looks for the `look`-th time whether to hand over
    what it recorded; whether it stopped before its end.
    """
    wants, looks = sections.Sections.wants, iter(range(1, look))

    def asking(self: sections.Sections, n_bytes: int) -> bool:
        if next(looks, None) is None:
            stop.ask()
        return wants(self, n_bytes)

    sections.Sections.wants = asking  # type: ignore[method-assign]
    try:
        simulator.run(duration, record_to=path)
    except KeyboardInterrupt:
        if simulator.time != 0.0:
            raise Difference(f"stopped: the simulator stands at {simulator.time} s") from None
        return True
    finally:
        sections.Sections.wants = wants  # type: ignore[method-assign]
    return False
