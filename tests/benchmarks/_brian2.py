"""Brian2 in its fastest mode: a C++ program, generated and compiled once, then run as often as
wanted.

``python -m potentia.tests.benchmarks._brian2 JOB`` builds it; JOB is a JSON object with the bench's
module, which offers ``brian2_parts(b, settings)``, the settings and the folder. The parts are
Brian2 objects, all Synapses between whole NeuronGroups and one SpikeMonitor per group, for which
objects need names. The program writes to marks.txt what it took: CPU and wall seconds of the span
after the warm-up, spikes and events in it, peak memory [KiB], neurons, synapses.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from potentia.errors import DependencyError

from ._case import command, environment, named
from ._measure import Row

HEADERS = ["<ctime>", "<chrono>", "<fstream>", "<string>"]
BEFORE = """
%(first)s
std::clock_t mark_cpu = std::clock();
auto mark_wall = std::chrono::steady_clock::now();
"""
AFTER = """
double cpu = double(std::clock() - mark_cpu) / CLOCKS_PER_SEC;
double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - mark_wall).count();
double events = 0, spikes = 0, synapses = 0;
%(count)s
std::ifstream status("/proc/self/status");
std::string word;
long peak = 0;
while (status >> word)
    if (word == "VmHWM:") status >> peak;
std::ofstream marks("marks.txt");
marks.precision(12);
marks << cpu << " " << wall << " " << spikes << " " << events << " " << peak
      << " " << %(neurons)d << " " << synapses << std::endl;
"""
FIRST = "size_t first_%(monitor)s = brian::_dynamic_array_%(monitor)s_i.size();"
SPIKES = "spikes += brian::_dynamic_array_%(monitor)s_i.size() - first_%(monitor)s;"
EVENTS = """
synapses += brian::_dynamic_array_%(synapses)s__synaptic_pre.size();
for (size_t k = first_%(monitor)s; k < brian::_dynamic_array_%(monitor)s_i.size(); k++)
    events += brian::_dynamic_array_%(synapses)s_N_outgoing[brian::_dynamic_array_%(monitor)s_i[k]];
"""


class Program:
    """The peer's case: call it to run the program once. Built at the first call, in a process of
    its own.

    Raises DependencyError where Brian2 or the C++ compiler does not make a program of it.
    """

    def __init__(self, bench: str, settings: BaseModel, folder: Path) -> None:
        self._job = {
            "bench": bench,
            "folder": str(folder),
            "settings": settings.model_dump(mode="json"),
            "kind": [type(settings).__module__, type(settings).__qualname__],
        }
        self._folder, self._duration = folder, float(getattr(settings, "duration"))  # noqa: B009
        self._build_s: float | None = None

    def __call__(self) -> Row:
        if self._build_s is None:
            self._build_s = self._build()
        done = subprocess.run(
            [str(self._folder / "main")], cwd=self._folder, capture_output=True, check=False
        )
        if done.returncode:
            raise DependencyError(
                f"brian2: the program that it built ended with code {done.returncode}"
            )
        marks = (float(number) for number in (self._folder / "marks.txt").read_text().split())
        cpu, wall, spikes, events, peak, neurons, synapses = marks
        span = self._duration
        return {
            "engine": "cpp_standalone",
            "cpu_s": cpu / span,
            "wall_s": wall / span,
            "rss_mb": peak / 1024,
            "rate_hz": spikes / neurons / span,
            "events": events / span,
            "events_per_s": events / cpu,
            "build_s": self._build_s,
            "synapses": int(synapses),
        }

    def _build(self) -> float:
        """Wall seconds to define the network, generate and compile."""
        begin = time.perf_counter()
        job = command("potentia.tests.benchmarks._brian2", json.dumps(self._job))
        done = subprocess.run(job, env=environment(), capture_output=True, text=True, check=False)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise DependencyError(f"--peers brian2: it could not build its program: {reason}")
        return time.perf_counter() - begin


def build(bench: str, settings: Any, folder: str) -> None:
    """Generate and compile the program."""
    import brian2 as b

    b.set_device("cpp_standalone", build_on_run=False, directory=folder)
    b.prefs.codegen.cpp.headers += HEADERS
    b.seed(settings.seed % 2**31)
    b.defaultclock.dt = 0.1 * b.ms
    parts = named(bench, "brian2_parts")(b, settings)
    network = b.Network(*parts)
    before, after = _marks(b, parts)
    network.run(settings.warmup * b.second)
    b.device.insert_code("main", before)
    network.run(settings.duration * b.second)
    b.device.insert_code("main", after)
    b.device.build(directory=folder, compile=True, run=False, with_output=False)


def _marks(b: Any, parts: list[Any]) -> tuple[str, str]:
    """C++ that starts the clocks, and C++ that stops them and counts."""
    monitors = {part.source.name: part.name for part in parts if isinstance(part, b.SpikeMonitor)}
    synapses = [
        (part.name, monitors[part.source.name]) for part in parts if isinstance(part, b.Synapses)
    ]
    count = [SPIKES % {"monitor": name} for name in monitors.values()]
    count += [EVENTS % {"synapses": name, "monitor": monitor} for name, monitor in synapses]
    neurons = sum(part.N for part in parts if isinstance(part, b.NeuronGroup))
    first = "\n".join(FIRST % {"monitor": name} for name in monitors.values())
    return BEFORE % {"first": first}, AFTER % {"count": "\n".join(count), "neurons": neurons}


def main(text: str) -> None:
    """Build what the job describes."""
    job = json.loads(text)
    build(job["bench"], named(*job["kind"])(**job["settings"]), job["folder"])


if __name__ == "__main__":
    main(sys.argv[1])
