"""The simulator: a network compiled for an engine, and its runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import validation as check
from .description.inputs import Stimulus
from .description.network import Network
from .description.parts import Input, Population, Projection
from .description.surrogate import Surrogate
from .engines import product_request
from .engines.batch_inputs import BatchInputs
from .engines.choose import Options
from .engines.engine import CompiledNetwork, Engine
from .engines.run_request import checked
from .engines.until import run_until
from .operators.connections import Connections
from .results.batch_result import BatchResult
from .results.conditions import Condition
from .results.result import Result
from .runs.again import again, reopened
from .session import Session

if TYPE_CHECKING:
    from .tensors.module import NetworkModule


class Simulator:
    """A network made ready to run.

    dt: the step of the clock engine [s], 0.1 ms if None; the event engine has no steps and takes
    None. engine: "clock" (steps of dt) or "event" (exactly solvable neurons only). backend: "cpu",
    "gpu", "reference", "torch" (see `module`), or "auto": the cpu, unless there is a gpu and the
    network is large. dtype:
    "float32" or "float64". threads: for batches and large networks; if None, all cores for batches
    and at most four for a single run of a large network. No result depends on it. chunk: steps
    between two visits of Python. deterministic: the clock engine sums arrivals in whole numbers, in
    any order, so that cpu and gpu give the same spikes; see `docs/gpu.md`.

    The network is read once, here: later changes to the description do not reach this simulator.
    """

    def __init__(
        self,
        network: Network,
        *,
        dt: float | None = None,
        backend: str = "auto",
        engine: str = "clock",
        dtype: str = "float32",
        threads: int | None = None,
        chunk: int = 1000,
        deterministic: bool = False,
    ) -> None:
        if not isinstance(network, Network):
            raise check.fail(self, "network", "must be a Network", network)
        options = Options(
            dt=dt,
            backend=backend,
            engine=engine,
            dtype=dtype,
            threads=threads,
            chunk=chunk,
            deterministic=deterministic,
        )
        self._session = Session(network.copy(), options)

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickles and copies, which go on bit for bit; code is compiled anew."""
        return again, (type(self), *self._session.alone("pickle", self._session.kept))

    def __repr__(self) -> str:
        return str(self._session.outline())

    def _repr_html_(self) -> str:
        """The simulator and its network as tables, for notebooks."""
        return self._session.outline().html()

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], *, backend: str | None = None, threads: int | None = None
    ) -> Simulator:
        """The simulator saved at `path`, ready to go on bit for bit.

        backend, threads: others than those of the saved simulator, if given.

        Raises DataError for a file that is missing, damaged, changed, of another schema, or that
        uses models which this program has not imported.
        """
        return reopened(cls, path, backend=backend, threads=threads)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything needed to go on later, bit for bit, to one file; all or nothing.

        See `load`.
        """
        from .runs import snapshot

        path = check.path(self, "save path", path)
        snapshot.save(path, self._session.alone("save", self._session.snapshot))

    @property
    def _engine(self) -> Engine:
        return self._session.engine

    @property
    def network(self) -> Network:
        """The network described."""
        return self._session.network

    @property
    def plan(self) -> CompiledNetwork:
        """The compiled network, on the clock engine a list of operators; ``print(sim.plan)``."""
        return self._engine.plan

    @property
    def time(self) -> float:
        """How far the simulation has come [s]."""
        return self._session.time

    @overload
    def run(
        self,
        duration: float,
        *,
        progress: bool | None = None,
        record_to: str | os.PathLike[str] | None = None,
        resume: bool = False,
    ) -> Result: ...

    @overload
    def run(
        self,
        duration: float,
        *,
        inputs: BatchInputs,
        batch: int | None = None,
        learn: str | None = None,
        first: int | None = None,
        progress: bool | None = None,
    ) -> BatchResult: ...

    @overload
    def run(
        self,
        duration: float,
        *,
        batch: int,
        learn: str | None = None,
        first: int | None = None,
        progress: bool | None = None,
    ) -> BatchResult: ...

    @overload
    def run(
        self,
        duration: BatchInputs,
        *,
        batch: int | None = None,
        learn: str | None = None,
        first: int | None = None,
        progress: bool | None = None,
    ) -> BatchResult: ...

    @overload
    def run(
        self,
        duration: float | BatchInputs,
        *,
        inputs: BatchInputs | None = None,
        batch: int | None = None,
        learn: str | None = None,
        first: int | None = None,
        progress: bool | None = None,
    ) -> Result | BatchResult: ...

    def run(
        self,
        duration: float | BatchInputs,
        *,
        inputs: BatchInputs | None = None,
        batch: int | None = None,
        learn: str | None = None,
        first: int | None = None,
        progress: bool | None = None,
        record_to: str | os.PathLike[str] | None = None,
        resume: bool = False,
    ) -> Result | BatchResult:
        """Simulate `duration` [s] more and return what the probes saw in that time.

        Another run goes on from there. A run that ends in an exception, Ctrl-C too, leaves the
        simulator as it was before, bit for bit.

        With `inputs` (input name -> one stimulus per sample, or one for all) or `batch`, that many
        copies of the present state run independently on all threads, and a BatchResult is returned;
        the simulator itself stays where it is. ``run(inputs, batch=B)`` lasts as long as the
        longest of the inputs. first: the number of the first sample, 0 if None. What is drawn in a
        sample depends on its number and the present time: a batch that is repeated draws the same
        again, and ``first=B`` goes on with B further samples, as in one batch of 2 B. Sample 0 goes
        on with the trains that are on their way; in the others Poisson trains begin anew.

        learn: what becomes of the weights where a network with a rule runs as a batch. Every sample
        begins with the present weights and changes a copy of its own, as a run would. With "sum" or
        "mean" the changes of all samples, weights at the end less those at the beginning, are added
        to the simulator's weights in the order of the samples ("mean": divided by their number),
        within the rule's bounds. A store that does more than add, such as a Crossbar, programs once
        the sum or mean of what was proposed to it. With "each" the samples' weights (fast weights)
        are dropped; a probe tells what they were.

        progress: whether to show a bar; if None, for runs of over two seconds on a terminal.
        record_to: a folder into which the records are written during the run, so that a broken run
        leaves all but its last seconds; in the end it holds results.h5. resume: take up a recorded
        run that was broken off, from its last checkpoint (one a minute). This simulator must stand
        where that one began; the result is that of an unbroken run, bit for bit. If that run was
        over, its result is loaded, and the simulator catches up only when it is used again.
        """
        asked = (duration, inputs, batch, learn, first, progress, record_to, resume)
        return self._session.run(lambda: checked(self._engine, self.network, *asked))

    def run_until(
        self,
        condition: Condition | Callable[[Result], bool],
        *,
        most: float,
        every: float | None = None,
        progress: bool | None = None,
    ) -> Result:
        """Simulate until a condition holds, and return what the probes saw in that span.

        condition: `Residual`, `SpikeCount`, or a function of the Result of a piece that returns
        True where the run is to end with this piece. every: the length of a piece [s], 10 ms if
        None. most: how far to run at most [s]. Raises NotReachedError where the condition does not
        hold by then. What the probes see is the same as in one run; one that ends in an exception,
        Ctrl-C too, leaves the simulator as it was.
        """
        work = partial(run_until, condition=condition, most=most, every=every, progress=progress)
        return self._session.run_until(work)

    def reset(self, *, keep: str = "nothing") -> None:
        """Go back to time 0: states as at the beginning, nothing on its way, nothing recorded.

        keep: "nothing" leaves the simulator as one made anew from its present `network`, which has
        the parameters, stimuli and weights of static projections that were set; "weights" keeps the
        present content of all stores, so also what rules have learned. Random draws are numbered by
        time, so they come again as they came.
        """
        kept = check.one_of(self, "reset keep", keep, ["nothing", "weights"]) == "weights"
        learns = any(part.rule is not None for part in self.network.projections)
        told = {"keep": keep} if learns and kept else None
        self._session.reset(told, keep_weights=kept)

    def set(self, part: Population | Projection | str, **values: Any) -> None:
        """Change states or parameters of a population, or weights of a projection, from now on.

        part: as it was described, or its name. Of a population: state variables such as ``v=0.0``,
        each a number, one per unit or a distribution, and parameters of its model such as
        ``threshold=20e-3``, as the model takes them. Of a projection: ``weights=``, one number or
        one for each synapse, in the order of `weights`; of a convolution without a rule also a
        kernel.

        What was described otherwise is compiled anew, and all state is kept: from now on it is as
        in a network made with these parameters, or these weights where no rule changes them;
        `network` tells them. Cells of a crossbar are then written anew, with the errors of writing
        of the same cells. Weights that a rule changes are overwritten in place, within its bounds.
        The potential of a unit that is refractory goes back to its reset at the end.

        Raises ParameterError or NetworkError for what is unknown or does not fit, UnsupportedError
        for weights that cannot be set; the simulator is then as it was.
        """
        self._session.set(part, values)

    def stimulate(self, part: Input | str, stimulus: Stimulus) -> None:
        """Give an input another stimulus of the same kind from now on.

        part: the input as it was described, or its name. Times of a stimulus are those of the
        simulation: what lies before the present is past. Poisson trains begin anew, with draws of
        their own. Raises NetworkError for an unknown input, ParameterError for a stimulus that does
        not fit.
        """
        self._session.stimulate(part, stimulus)

    def state(self, population: Population | str, variable: str) -> NDArray[np.float64]:
        """The present values (n,) of a state variable of a population, given as such or by name."""
        return self._session.alone("state", lambda: self._session.state(population, variable))

    def weights(self, projection: Projection | str) -> NDArray[np.float64]:
        """The present weights (n_synapses,) of a projection, given as such or by name.

        They are in order of source, then delay.

        Synapses of one source and delay follow their targets or, where FixedTotal or FixedOutDegree
        drew them one by one, the draws. The order is the same for any backend and number of
        threads; the event engine does not round delays to steps, so there a source's synapses may
        stand in another order. Those in a store that is no plain memory are the effective ones.
        Raises NetworkError for a projection that this network does not have.
        """
        find = partial(self._projection, "weights", projection)
        return self._session.alone("weights", lambda: self._engine.weights(find().name))

    def synapses(self, projection: Projection | str) -> Connections:
        """The synapses of a projection: sources, targets, delays [s] and present weights.

        The projection is given as such or by its name.

        All are arrays in the order of `weights`; ``synapses(projection).matrix()`` is a sparse
        matrix. Those of which the simulation keeps no list, such as those of a Procedural store,
        are drawn again. Raises NetworkError for a projection that this network does not have.
        """
        find = partial(self._projection, "synapses", projection)
        return self._session.alone("synapses", lambda: self._engine.connections(find().name))

    def product(
        self, projection: Projection | str, x: ArrayLike, *, transpose: bool = False, key: int = 0
    ) -> NDArray[np.float64]:
        """The present weights of a projection, as a matrix, times numbers.

        This is what its store reads when x drives it.

        Parameters
        ----------
        projection : Projection or str
            As such or by its name; delays do not matter here.
        x : array_like, shape (..., n_pre), or (..., n_post) if `transpose`
        transpose : bool
            Whether to go backwards, from targets to sources.
        key : int
            Of what the store draws for this reading: another one has another noise. Of use for a
            Crossbar.

        Returns
        -------
        ndarray, shape (..., n_post), or (..., n_pre) if `transpose`

        Raises
        ------
        NetworkError
            For a projection that this network does not have.
        ParameterError
            If x does not fit or is not finite.
        """
        found = self._projection("product", projection)
        asked = product_request.checked(found, x, transpose=transpose, key=key)
        return asked.shaped(self._session.alone("product", partial(asked.work, self._engine)))

    def module(
        self,
        train: Sequence[Any] = (),
        *,
        surrogate: Surrogate | Mapping[Population | str, Surrogate] | None = None,
        checkpoint: int | None = None,
    ) -> NetworkModule:
        """The network as a torch.nn.Module in its present state, for backend "torch".

        ``module({"pixels": x})`` runs a batch x (time, batch, n) through the network and returns
        what its probes see as differentiable tensors; ``module.network()`` is the network with the
        trained weights, for any engine and backend.

        Parameters
        ----------
        train : sequence
            Projections whose weights are trained, as such or by name, and parameters of neuron
            models as (population, field) or "population.field".
        surrogate : Surrogate or mapping from populations to Surrogates
            What stands for the slope of the step at threshold; None for what models say, `ArcTan`.
        checkpoint : int
            Only the state at every so many steps is kept for the way back, where all else is
            computed again: less memory, a third more time.

        Raises
        ------
        NetworkError
            For a part that this network does not have, or a network without a probe.
        ParameterError
            For a parameter that cannot be trained.
        UnsupportedError
            On another backend, and for weights that no memory keeps.
        """
        asked = (train, surrogate, checkpoint)
        return self._session.alone("module", lambda: self._session.module(*asked))

    def projection(self, wanted: Projection | str) -> Projection:
        """A projection as described at present, given by its name or as it once was described.

        Raises NetworkError for one that this network does not have.
        """
        return self._projection("projection", wanted)

    def _projection(self, verb: str, wanted: Projection | str) -> Projection:
        members, asked = self.network.projections, f"Simulator.{verb}"
        return self._session.parts.find(asked, wanted, members, "projection")
