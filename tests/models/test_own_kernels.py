"""A user's own kernels: never stale, whatever they are called, and held to the rules in one
sentence each.
"""

import functools
import math
import sys
import types

import numba
import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import NetworkError
from potentia.sim import Constant
from potentia.sim.description.neuron import NeuronModel
from potentia.tests.models.own_kernels import adding, keyword_step, model

PROCESSORS = ("cpu", "reference")


def reached(kernel, backend="cpu", n=1, **constants):
    """The state v after one step."""
    net = Network()
    cells = net.population(model(kernel, **constants), n, name="cells")
    net.probe(cells, "v")
    return Simulator(net, backend=backend).run(1e-4).trace("cells", "v")[0]


# Never stale


GAIN = 2.0


@numba.njit
def gained(x):
    return x * GAIN


def gain_step(v, jump, fired):
    v[0] = gained(1.0)
    return 0


@pytest.mark.parametrize("backend", PROCESSORS)
def test_kernels_from_one_factory_differ(backend):
    """And two networks may use both at once."""
    assert [reached(adding(amount), backend)[0] for amount in (1.0, 5.0, 1.0)] == [1.0, 5.0, 1.0]
    net = Network()
    for k, amount in enumerate((3.0, 4.0)):
        net.probe(net.population(model(adding(amount)), 1, name=f"cells{k}"), "v")
    result = Simulator(net, backend=backend).run(1e-4)
    assert [result.trace(f"cells{k}", "v")[0, 0] for k in range(2)] == [3.0, 4.0]


@pytest.mark.parametrize("backend", PROCESSORS)
def test_a_changed_global_is_seen_through_compiled_functions(backend, monkeypatch):
    """Also where the user's own function was compiled before, and not by a
    simulator made before.
    """
    assert gained(1.0) == 2.0
    assert reached(gain_step, backend)[0] == 2.0
    net = Network()
    cells = net.population(model(gain_step), 1, name="cells")
    net.probe(cells, "v")
    before = Simulator(net, backend=backend)
    monkeypatch.setattr(sys.modules[__name__], "GAIN", 7.0)
    assert reached(gain_step, backend)[0] == 7.0
    assert before.run(1e-4).trace("cells", "v")[0, 0] == 2.0
    assert before.run(1e-4, batch=2)[1].trace("cells", "v")[0, 0] == 2.0


@pytest.mark.parametrize("backend", PROCESSORS)
def test_a_changed_attribute_of_a_module_is_seen(backend):
    constants, inner = types.ModuleType("constants"), types.ModuleType("constants.inner")
    constants.inner, inner.tau = inner, 3.0
    scope = {"constants": constants}
    exec("def tau_step(v, jump, fired):\n    v[0] = constants.inner.tau\n    return 0", scope)
    assert reached(scope["tau_step"], backend)[0] == 3.0
    inner.tau = 8.0
    assert reached(scope["tau_step"], backend)[0] == 8.0


@pytest.mark.parametrize("backend", PROCESSORS)
@pytest.mark.parametrize(
    "name", ["step", "table", "_kernel", "int64", "_array1", "count", "verdict", "row", "lambda"]
)
def test_a_kernel_may_have_any_name(backend, name):
    def some(v, jump, fired):
        v[0] = 6.0
        return 0

    if name == "lambda":
        some = lambda v, jump, fired: int(v.size > 5)  # noqa: E731
        assert reached(some, backend)[0] == 0.0
        return
    some = types.FunctionType(some.__code__, some.__globals__, name)
    some.__qualname__ = name
    assert reached(some, backend)[0] == 6.0


@pytest.mark.parametrize("backend", PROCESSORS)
def test_a_parameter_may_have_any_name(backend):
    def named_step(v, jump, fired, table, row, _kernel, int64, count, np, step):
        v[0] = table + row + _kernel + int64 + count + np
        return 0

    numbers = {"table": 1.0, "row": 2.0, "_kernel": 4.0, "int64": 8.0, "count": 16.0, "np": 32.0}
    assert reached(named_step, backend, **numbers)[0] == 63.0


# Held to the rules


def firing(*units, count=None):
    """A kernel that says that these units fired."""
    listed = np.array(units, np.uint32)
    told = len(units) if count is None else count

    def lying_step(v, jump, fired, step):
        if step == 3:
            for k in range(min(listed.size, fired.size)):
                fired[k] = listed[k]
            return told
        return 0

    return lying_step


LIES = {
    "too many": (
        firing(0, 1, 2, count=5),
        r"must return the number of spikes, from 0 to 4 \(got 5\)",
    ),
    "very many": (
        firing(0, count=2**40),
        r"must return the number of spikes, from 0 to 4 \(got 1099511627776\)",
    ),
    "fewer than none": (
        firing(0, count=-1),
        r"must return the number of spikes, from 0 to 4 \(got -1\)",
    ),
    "descending": (
        firing(2, 1),
        r"must list the units that fired in ascending order.* \(got 1 out of order\)",
    ),
    "twice": (firing(1, 1), r"must list .* in ascending order, each once.* \(got 1 out of order\)"),
    "unknown": (firing(0, 4), r"must list .*, all < 4 \(got 4 out of order\)"),
}


@pytest.mark.parametrize("backend", PROCESSORS)
@pytest.mark.parametrize("lie", LIES)
def test_spikes_that_cannot_be_end_the_run(backend, lie):
    """Told with model and population; the simulator stays where it was and alive."""
    kernel, rule = LIES[lie]
    net = Network()
    cells = net.population(model(kernel), 4, name="cells")
    net.connect(cells, cells, _all(), weight=1.0)
    simulator = Simulator(net, backend=backend)
    simulator.run(2e-4)
    with pytest.raises(
        NetworkError, match=rf"^Own of population 'cells': kernel lying_step {rule}$"
    ):
        simulator.run(1e-2)
    assert simulator.time == pytest.approx(2e-4)
    simulator.run(1e-4)


def _all():
    from potentia.sim import FixedProbability

    return FixedProbability(1.0)


@pytest.mark.parametrize("backend", PROCESSORS)
def test_a_kernel_that_reaches_outside_of_an_array_ends_the_run(backend):
    def wide_step(v, jump, fired):
        count = 0
        for i in range(v.size):
            fired[count] = i
            fired[count + 1] = i
            count += 2
        return count

    net = Network()
    net.population(model(wide_step), 5, name="cells")
    with pytest.raises(NetworkError, match=r"^Own of population 'cells': kernel wide_step raised"):
        Simulator(net, backend=backend).run(1e-3)


@pytest.mark.parametrize("backend", PROCESSORS)
def test_a_kernel_that_raises_ends_the_run(backend):
    def failing_step(v, jump, fired, step):
        if step == 2:
            raise ValueError("three")
        return 0

    net = Network()
    net.population(model(failing_step), 5, name="cells")
    with pytest.raises(
        NetworkError, match=r"^Own of population 'cells': kernel failing_step raised"
    ):
        Simulator(net, backend=backend).run(1e-3)


def no_return_step(v, jump, fired):
    v[0] = 0.0


def indexed_step(v, jump, fired, limit):
    return int(v[0] > limit[0])


def compared_step(v, jump, fired, limit):
    v[0] = limit
    return 0


def half_step(v, jump, fired):
    return 0.5


def starred_step(v, *others):
    return 0


def yielding_step(v, jump, fired):
    yield 0


class Callable_:
    def __call__(self, v, jump, fired):
        return 0


WRONG = {
    "no return": (
        no_return_step,
        {},
        r"kernel no_return_step must return the number of spikes, a whole number",
    ),
    "half": (half_step, {}, r"kernel half_step must return the number of spikes, a whole number"),
    "scalar": (indexed_step, {"limit": 1.0}, r"kernel indexed_step .*'?limit'?|not subscriptable"),
    "array": (compared_step, {"limit": np.ones(3)}, r"kernel compared_step .*'?limit'?|sequence"),
    "starred": (starred_step, {}, r"kernel starred_step must name each of its parameters"),
    "keyword": (keyword_step, {}, r"kernel keyword_step must name each of its parameters"),
    "generator": (
        yielding_step,
        {},
        r"kernel yielding_step must return the number of spikes, not yield",
    ),
    "builtin": (
        math.exp,
        {},
        r"kernel must be the name of a kernel .* or a function .*\(got builtin_function",
    ),
    "partial": (functools.partial(half_step, 1), {}, r"kernel must be the name of .*\(got partial"),
    "object": (Callable_(), {}, r"kernel must be the name of .*\(got Callable_"),
    "number": (3, {}, r"kernel must be the name of .*\(got int 3\)"),
}


@pytest.mark.parametrize("backend", PROCESSORS)
@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_kernel_is_refused_in_one_sentence(backend, case):
    kernel, constants, rule = WRONG[case]
    net = Network()
    net.population(model(kernel, **constants), 3, name="cells")
    with pytest.raises(NetworkError, match=rf"^Own of population 'cells': .*({rule})") as caught:
        Simulator(net, backend=backend).run(1e-3)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_the_parameter_at_fault_is_named():
    """On the cpu, where all of it is known before the first step."""
    for kernel, limit, rule in (
        (
            indexed_step,
            1.0,
            r"uses its parameter 'limit' as an array, with \[i\], but it is one number for all units",
        ),
        (
            compared_step,
            np.ones(3),
            r"uses its parameter 'limit' as one number, without \[i\], but it is an array",
        ),
    ):
        net = Network()
        net.population(model(kernel, limit=limit), 3, name="cells")
        with pytest.raises(
            NetworkError, match=rf"^Own of population 'cells': kernel {kernel.__name__} {rule}"
        ):
            Simulator(net)


def test_code_that_cannot_be_compiled_is_told_in_one_line():
    def odd_step(v, jump, fired):
        return int(v.no_such_thing)

    net = Network()
    net.population(model(odd_step), 3, name="cells")
    with pytest.raises(
        NetworkError, match=r"kernel odd_step cannot be compiled: .*no_such_thing.*line \d+"
    ) as caught:
        Simulator(net)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("missing", ["kernel", "state", "receptors"])
def test_a_model_must_say_what_it_is(missing):
    parts = {"kernel": half_step, "state": {"v": "float"}, "receptors": ("jump",)}
    del parts[missing]
    made = type("Half", (NeuronModel,), {**parts, "constants": lambda self, dt: {}})
    with pytest.raises(
        NetworkError, match=rf"^Half.{missing}: must be given by the class of a model"
    ):
        Network().population(made(), 1)


def test_own_stimulus_of_the_library_still_drives():
    net = Network()
    cells = net.population(model(adding(0.5)), 2, name="cells")
    net.stimulate(cells, Constant(1.0))
    net.probe(cells, "v")
    assert Simulator(net).run(3e-4).trace("cells", "v")[-1, 0] == 1.5
