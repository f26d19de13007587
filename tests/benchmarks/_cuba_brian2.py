"""Builds Brian2's C++ program of the CUBA benchmark: ``python -m ... FOLDER NEURONS DURATION SEED``.

The program writes CPU and wall seconds of the simulation loop alone, the number of spikes and the peak memory
[KiB] to marks.txt.
"""

from __future__ import annotations

import sys

EQUATIONS = """
dv/dt = (ge + gi - (v - El)) / taum : volt (unless refractory)
dge/dt = -ge / taue : volt
dgi/dt = -gi / taui : volt
"""
BEFORE = """
std::clock_t mark_cpu = std::clock();
auto mark_wall = std::chrono::steady_clock::now();
"""
AFTER = """
std::ofstream marks("marks.txt");
marks << double(std::clock() - mark_cpu) / CLOCKS_PER_SEC << " "
      << std::chrono::duration<double>(std::chrono::steady_clock::now() - mark_wall).count() << " "
      << brian::_dynamic_array_spikemonitor_i.size() << " ";
std::ifstream status("/proc/self/status");
std::string word;
long peak = 0;
while (status >> word)
    if (word == "VmHWM:") status >> peak;
marks << peak << std::endl;
"""


def build(folder: str, neurons: int, duration: float, seed: int) -> None:
    """The network of Brian2's own example CUBA, at any size with the same mean input."""
    import brian2 as b
    from brian2 import ms, mV, second

    b.set_device("cpp_standalone", build_on_run=False, directory=folder)
    b.prefs.codegen.cpp.headers += ["<ctime>", "<chrono>", "<fstream>", "<string>"]
    b.seed(seed)
    b.defaultclock.dt = 0.1 * ms
    scale = 4000 / neurons
    names = {
        "taum": 20 * ms, "taue": 5 * ms, "taui": 10 * ms, "Vt": -50 * mV, "Vr": -60 * mV, "El": -49 * mV,
        "we": scale * 60 * 0.27 / 10 * mV, "wi": scale * -20 * 4.5 / 10 * mV, "n_exc": round(0.8 * neurons),
    }  # fmt: skip
    group = b.NeuronGroup(
        neurons,
        EQUATIONS,
        threshold="v > Vt",
        reset="v = Vr",
        refractory=5 * ms,
        method="exact",
        namespace=names,
    )
    group.v = "Vr + rand() * (Vt - Vr)"
    excite = b.Synapses(group, group, on_pre="ge += we", namespace=names)
    inhibit = b.Synapses(group, group, on_pre="gi += wi", namespace=names)
    excite.connect("i < n_exc", p=0.02)
    inhibit.connect("i >= n_exc", p=0.02)
    monitor = b.SpikeMonitor(group, name="spikemonitor")
    network = b.Network(group, excite, inhibit, monitor)
    network.run(1 * ms)
    b.device.insert_code("main", BEFORE)
    network.run(duration * second)
    b.device.insert_code("main", AFTER)
    b.device.build(directory=folder, compile=True, run=False, with_output=False)


if __name__ == "__main__":
    build(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
