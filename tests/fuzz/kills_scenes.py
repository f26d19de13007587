"""What `kills.py` kills: runs of both engines, with threads, on devices, from the command line,
resumed, and sweeps.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import numpy as np

from potentia import Network, Result, Simulator, cli
from potentia.errors import DataError
from potentia.hardware import BreakdownReRAM, Crossbar
from potentia.learning import STDP
from potentia.models import LIF, CubaLIF
from potentia.sim import FixedProbability, Poisson, Uniform
from potentia.sim.results import storage
from potentia.sim.runs import sections
from potentia.sim.runs.runfolder import read_run
from potentia.tests.fuzz.kills import Scene

BEFORE, SPAN = 0.02, 0.03  # [s]: simulated before the records begin, and recorded
RUN = [
    "balanced-network",
    "--set",
    "neurons=60",
    "--set",
    "duration=0.03",
    "--set",
    "probability=0.2",
]
SWEEP = [
    "sweep",
    *RUN[:-2],
    "--grid",
    "seed=1,2",
    "--grid",
    "probability=0.2,0.3",
    "--workers",
    "1",
]

Make = Callable[[], Simulator]


def scenes(base: Path) -> dict[str, Callable[[], Scene]]:
    """All scenes, by name; making one compiles everything that it needs."""
    sections.MOST_BYTES = 1  # a section at each visit of Python
    sections.LEAST_FREE = 0
    return {
        "clock": lambda: simulation(clock),
        "clock without checkpoints": lambda: simulation(clock, checkpoints=1e9),
        "event": lambda: simulation(event),
        "two threads": lambda: simulation(lambda: clock(threads=2), ready=False),
        "crossbar that learns": lambda: simulation(crossbar),
        "resume": lambda: resumed(base / "broken"),
        "run": lambda: CommandLine(["run", *RUN], runs=1).scene(),
        "sweep": lambda: CommandLine(SWEEP, runs=4).scene(),
        "sweep on two processes": lambda: CommandLine([*SWEEP[:-1], "2"], runs=4).scene(
            slow=True, weight=0.04
        ),
    }


def clock(threads: int = 1) -> Simulator:
    """Plastic and noisy, all kinds of records."""
    net = Network(seed=3)
    cells = net.population(CubaLIF(), 100, name="cells")
    net.stimulate(cells, Poisson(rate=2000.0, weight=8e-3))
    net.connect(
        cells, cells, FixedProbability(0.1), weight=1e-4, delay=Uniform(1e-3, 5e-3), rule=STDP()
    )
    probe(net, cells)
    return ready(Simulator(net, dt=1e-4, chunk=100, threads=threads))


def event() -> Simulator:
    """The event engine, with delays and noise."""
    net = Network(seed=3)
    cells = net.population(LIF(), 60, name="cells")
    net.stimulate(cells, Poisson(rate=2000.0, weight=3e-3))
    net.connect(cells, cells, FixedProbability(0.1), weight=1e-4, delay=Uniform(1e-3, 5e-3))
    probe(net, cells)
    return ready(Simulator(net, engine="event"))


def crossbar() -> Simulator:
    """Weights on devices, and a rule that programs them."""
    net = Network(seed=3)
    inputs = net.population(CubaLIF(), 30, name="inputs")
    cells = net.population(CubaLIF(), 20, name="cells")
    net.stimulate(inputs, Poisson(rate=2000.0, weight=8e-3))
    store = Crossbar(BreakdownReRAM())
    net.connect(
        inputs, cells, FixedProbability(0.5), weight=1e-3, delay=1e-3, rule=STDP(), store=store
    )
    probe(net, cells)
    return ready(Simulator(net, dt=1e-4, chunk=100))


def probe(net: Network, cells: object) -> None:
    net.probe(cells, "spikes")
    net.probe(cells, "v", ids=[0, 1])


def ready(sim: Simulator) -> Simulator:
    sim.run(BEFORE)
    return sim


def simulation(
    make: Make, *, checkpoints: float = 0.0, template: Path | None = None, ready: bool = True
) -> Scene:
    """A simulation that writes into a folder.

    checkpoints: the least time between two [s]; template: what is there before. ready: it is made
    once and each trial gets a copy with its process; one that keeps threads cannot be copied.
    """
    made = make() if ready else None
    unbroken = make().run(SPAN)
    whole = storage.digest(unbroken)

    def act(folder: Path, resume: bool) -> None:
        sections.CHECKPOINT_SECONDS = checkpoints
        got = (made or make()).run(SPAN, record_to=folder / "run", resume=resume)
        if storage.digest(got) != whole:
            raise AssertionError("the result returned is another one")

    def judge(folder: Path) -> list[str]:
        faults = (
            []
            if storage.digest(Result.load(folder / "run")) == whole
            else ["the result saved is another one"]
        )
        return faults + left(folder / "run", {"results.h5"})

    def glimpse(folder: Path) -> list[str]:
        try:
            part = Result.load(folder / "run")
        except DataError as error:
            told = any((folder / "run").glob("*.h5"))
            return [f"what is left cannot be loaded: {error}"] if told else []
        early = unbroken.spikes("cells").times <= part.stop + 1e-12
        same = np.array_equal(part.spikes("cells").times, unbroken.spikes("cells").times[early])
        n = len(part.trace("cells", "v"))
        same &= np.array_equal(part.trace("cells", "v"), unbroken.trace("cells", "v")[:n])
        return (
            []
            if same and part.start == unbroken.start
            else ["what is left is not the beginning of the run"]
        )

    def prepare(folder: Path) -> None:
        if template is not None:
            shutil.copytree(template, folder / "run")

    def begin(folder: Path) -> None:
        act(folder, template is not None)

    return Scene(begin, lambda folder: act(folder, True), judge, glimpse, prepare)


def resumed(template: Path) -> Scene:
    """A run that was interrupted before, with sections beyond its last whole checkpoint."""
    left_to_do = iter(range(2))

    def tick(steps: int) -> None:
        if next(left_to_do, None) is None:
            raise KeyboardInterrupt

    sections.CHECKPOINT_SECONDS = 0.0
    with contextlib.suppress(KeyboardInterrupt):
        clock()._session.single(SPAN, tick, template)
    later = max(sections.CHECKPOINTS, key=lambda name: (template / name).stat().st_mtime_ns)
    (template / later).write_bytes(b"damaged")
    return simulation(clock, template=template)


class CommandLine:
    """`potentia run` or `potentia sweep`, gone on with by `potentia resume`; runs: how many there
    will be.
    """

    hashes: ClassVar[dict[str, str]] = {}  # settings -> spikes

    def __init__(self, words: list[str], *, runs: int) -> None:
        self.words, self.runs = words, runs
        small_figures()

    def scene(self, *, weight: float = 0.7, slow: bool = False) -> Scene:
        if not slow:  # compile everything; slow ones have processes of their own
            with tempfile.TemporaryDirectory() as folder:
                self.begin(Path(folder))
                assert not self.judge(Path(folder)), self.judge(Path(folder))
        return Scene(self.begin, self.go_on, self.judge, self.glimpse, weight=weight, slow=slow)

    def begin(self, folder: Path) -> None:
        self.call(*self.words, "--out", folder / "runs")

    def go_on(self, folder: Path) -> None:
        there = list((folder / "runs").glob("[!.]*"))
        if not there:
            self.begin(folder)
        else:
            self.call(
                "resume",
                there[0],
                *self.words[self.words.index("--workers") :] if self.runs > 1 else (),
            )

    def call(self, *arguments: object) -> None:
        sections.CHECKPOINT_SECONDS = 0.0
        sys.argv = ["potentia", *map(str, arguments)]
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            try:
                cli.main()
            except SystemExit as stop:
                if stop.code:
                    raise AssertionError(f"exit code {stop.code}: {said.getvalue()}") from None

    def glimpse(self, folder: Path) -> list[str]:
        """Whatever there is can be read, and nothing has failed."""
        states = []
        for file in (folder / "runs").glob("[!.]*/**/run.json"):
            if not file.parent.name.startswith("."):
                states.append(read_run(file.parent)["status"])
        return [f"a killed run is {state}" for state in states if state == "failed"]

    def judge(self, folder: Path) -> list[str]:
        there = list((folder / "runs").iterdir())
        if len(there) != 1:
            return [f"left {sorted(path.name for path in there)}"]
        runs = [file.parent for file in there[0].glob("*/run.json")] if self.runs > 1 else there
        faults = [] if len(runs) == self.runs else [f"left {len(runs)} runs"]
        if self.runs > 1:
            faults += left(
                there[0], {"sweep.json", "sweep.csv", "sweep.png", *(run.name for run in runs)}
            )
        for run in runs:
            record = read_run(run)
            key = json.dumps(record["config"], sort_keys=True)
            if (record["status"], self.hashes.setdefault(key, record["spike_hash"])) != (
                "done",
                record["spike_hash"],
            ):
                faults.append(f"the run is {record['status']}, its spikes {record['spike_hash']}")
            faults += left(run, {"run.json", "report.html", "results.h5", "overview.png"})
        return faults


def small_figures() -> None:
    """Draw little: a figure takes longer than all else."""
    import matplotlib.pyplot as plt

    Result.plot = lambda self: plt.figure(figsize=(0.2, 0.2))  # type: ignore[method-assign]


def left(folder: Path, wanted: set[str]) -> list[str]:
    """What is in a folder beside what should be there, and what is missing."""
    there = {path.name for path in folder.iterdir()}
    told = {"left": there - wanted, "lost": wanted - there}
    return [f"{word} {sorted(names)}" for word, names in told.items() if names]
