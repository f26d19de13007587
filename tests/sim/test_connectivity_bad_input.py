"""What connectivity says to bad input: one sentence with object, field, rule and the value got."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from potentia.errors import ParameterError
from potentia.sim.description.connectivity import (
    AllToAll,
    FixedInDegree,
    FixedOutDegree,
    FixedProbability,
    FixedTotal,
    OneToOne,
)
from potentia.sim.description.explicit import Explicit, FromSparse
from potentia.sim.description.graphs import ScaleFree, SmallWorld
from potentia.sim.description.grid import DistanceDependent

KEY = 1
NAN, INF = float("nan"), float("inf")


def refused(pattern):
    """One sentence that matches and says what was got."""
    return pytest.raises(ParameterError, match=rf"^(?=.*{pattern}).*\(got .*\)$")


@pytest.mark.parametrize(
    ("make", "pattern"),
    [
        (lambda: FixedProbability(1.5), r"FixedProbability\.p: must be >= 0 and <= 1 \(got 1\.5"),
        (lambda: FixedProbability(-0.1), r"FixedProbability\.p: must be >= 0"),
        (lambda: FixedProbability(NAN), r"FixedProbability\.p: must be a finite number"),
        (lambda: FixedProbability(INF), r"FixedProbability\.p: must be a finite number"),
        (lambda: FixedProbability("2%"), r"FixedProbability\.p: must be a finite number"),
        (lambda: FixedProbability(True), r"FixedProbability\.p: must be a finite number"),
        (lambda: FixedProbability(None), r"FixedProbability\.p"),
        (lambda: FixedProbability(0.1, autapses="no"), r"autapses: must be True or False"),
        (lambda: AllToAll(autapses=1), r"AllToAll\.autapses"),
        (lambda: FixedInDegree(-1), r"FixedInDegree\.k: must be a whole number >= 0"),
        (lambda: FixedInDegree(2.5), r"FixedInDegree\.k: must be a whole number"),
        (lambda: FixedInDegree(2**70), r"FixedInDegree\.k: must be a whole number"),
        (lambda: FixedOutDegree("10"), r"FixedOutDegree\.k: must be a whole number"),
        (lambda: FixedOutDegree(3, multapses=None), r"multapses: must be True or False"),
        (lambda: FixedTotal(-5), r"FixedTotal\.n: must be a whole number >= 0"),
        (lambda: SmallWorld(3, 0.1), r"SmallWorld\.k: must be even.*the nearest are 2 and 4"),
        (lambda: SmallWorld(4, NAN), r"SmallWorld\.p"),
        (lambda: ScaleFree(-1), r"ScaleFree\.m: must be a whole number >= 0"),
        (lambda: ScaleFree(2.5), r"ScaleFree\.m: must be a whole number >= 0"),
        (lambda: SmallWorld(4, 1.01), r"SmallWorld\.p"),
        (lambda: DistanceDependent(shape=(3, 3)), r"shape: must be three whole numbers"),
        (lambda: DistanceDependent(shape=(3, 3, 0)), r"shape\[2\]: must be a whole number >= 1"),
        (
            lambda: DistanceDependent(shape=(2**12, 2**12, 2)),
            r"shape: must have at most 16777216 cells",
        ),
        (lambda: DistanceDependent(shape=(3, 3, 3), peak=1.2), r"DistanceDependent\.peak"),
        (lambda: DistanceDependent(shape=(3, 3, 3), length=0.0), r"length: must be > 0 cells"),
        (lambda: DistanceDependent(shape=(3, 3, 3), length=NAN), r"DistanceDependent\.length"),
        (
            lambda: DistanceDependent(shape=(3, 3, 3), pre_cells=27),
            r"pre_cells: must be a whole number",
        ),
        (
            lambda: DistanceDependent(shape=(3, 3, 3), post_cells=[0, 27]),
            r"post_cells: every index",
        ),
        (
            lambda: DistanceDependent(shape=(3, 3, 3), post_cells=[0.5]),
            r"post_cells: must be an array of whole",
        ),
        (lambda: Explicit([-1], [0]), r"Explicit\.sources: every index must be >= 0"),
        (lambda: Explicit([0], [-7]), r"Explicit\.targets: every index must be >= 0"),
        (lambda: Explicit([0.0], [1]), r"Explicit\.sources: must be an array of whole numbers"),
        (lambda: Explicit([0, 1], [1]), r"Explicit\.targets: must be as many as sources \(2\)"),
        (lambda: Explicit([[0, 1]], [[0, 1]]), r"Explicit\.sources: must have 1 dimension"),
        (lambda: Explicit(0, 1), r"Explicit\.sources: must have 1 dimension"),
        (lambda: Explicit([2**31], [0]), r"Explicit\.sources: every index"),
        (
            lambda: Explicit(np.array([2**64 - 1], np.uint64), [0]),
            r"Explicit\.sources: every index",
        ),
        (lambda: Explicit([2**70], [0]), r"Explicit\.sources: must be an array of whole numbers"),
        (lambda: Explicit(np.array([0], object), [0]), r"Explicit\.sources: .*dtype object"),
        (lambda: Explicit(np.array([True]), [0]), r"Explicit\.sources: .*dtype bool"),
        (lambda: Explicit(["0"], [0]), r"Explicit\.sources: must be an array of whole numbers"),
        (
            lambda: FromSparse(np.array([[1.0, NAN]])),
            r"FromSparse\.matrix: must be finite everywhere",
        ),
        (
            lambda: FromSparse(sparse.csr_matrix([[INF]])),
            r"FromSparse\.matrix: must be finite everywhere",
        ),
        (lambda: FromSparse(np.zeros(3)), r"FromSparse\.matrix: must have 2 dimensions"),
        (
            lambda: FromSparse(np.eye(2, dtype=complex)),
            r"FromSparse\.matrix: must hold real numbers",
        ),
        (
            lambda: FromSparse(np.eye(2, dtype=object)),
            r"FromSparse\.matrix: must hold real numbers",
        ),
        (lambda: FromSparse([["10 mV"]]), r"FromSparse\.matrix: must hold real numbers"),
        (
            lambda: FromSparse([[1, 2], [3]]),
            r"FromSparse\.matrix: must hold real numbers, in rows of one length",
        ),
        (lambda: FromSparse(None), r"FromSparse\.matrix"),
    ],
)
def test_bad_parameters_are_refused_in_one_sentence(make, pattern):
    with refused(pattern):
        make()


@pytest.mark.parametrize(
    ("recipe", "n_pre", "n_post", "recurrent", "pattern"),
    [
        (
            OneToOne(),
            3,
            4,
            False,
            r"OneToOne\.n_post: both populations must have the same size; n_pre is 3",
        ),
        (FixedInDegree(11, multapses=False), 10, 5, False, r"FixedInDegree\.k: must be at most 10"),
        (FixedInDegree(10, multapses=False, autapses=False), 10, 10, True, r"k: must be at most 9"),
        (FixedOutDegree(6, multapses=False), 10, 5, False, r"FixedOutDegree\.k: must be at most 5"),
        (FixedInDegree(1), 0, 5, False, r"FixedInDegree\.k: must be 0"),
        (FixedOutDegree(1, autapses=False), 1, 1, True, r"FixedOutDegree\.k: must be 0"),
        (FixedTotal(51, multapses=False), 10, 5, False, r"FixedTotal\.n: must be at most 50"),
        (
            FixedTotal(91, multapses=False, autapses=False),
            10,
            10,
            True,
            r"FixedTotal\.n: must be at most 90",
        ),
        (FixedTotal(1), 0, 7, False, r"FixedTotal\.n: must be 0"),
        (
            SmallWorld(4, 0.1),
            10,
            10,
            False,
            r"SmallWorld\.target: must be the source population itself",
        ),
        (
            ScaleFree(2),
            10,
            10,
            False,
            r"ScaleFree\.target: must be the source population itself",
        ),
        (ScaleFree(10), 10, 10, True, r"ScaleFree\.m: must be less than the 10 units"),
        (ScaleFree(1), 0, 0, True, r"ScaleFree\.m: must be less than the 0 units"),
        (SmallWorld(10, 0.1), 10, 10, True, r"SmallWorld\.k: must be less than the 10 units"),
        (
            DistanceDependent(shape=(3, 3, 3)),
            28,
            27,
            False,
            r"shape: must have room for 28 units from cell 0",
        ),
        (
            DistanceDependent(shape=(3, 3, 3), pre_cells=20),
            8,
            27,
            False,
            r"shape: must have room for 8 units from cell 20",
        ),
        (
            DistanceDependent(shape=(3, 3, 3), post_cells=[1, 2]),
            5,
            3,
            False,
            r"post_cells: must have one cell",
        ),
        (Explicit([0, 5], [0, 0]), 5, 5, False, r"Explicit\.sources: every index must be < 5"),
        (Explicit([0, 4], [9, 0]), 5, 5, False, r"Explicit\.targets: every index must be < 5"),
        (Explicit([0], [0]), 0, 5, False, r"Explicit\.sources: every index must be < 0"),
        (FromSparse(np.eye(3)), 3, 4, False, r"FromSparse\.matrix: must have shape .* = \(3, 4\)"),
        (AllToAll(), 2**16, 2**15, False, r"number of synapses: must be at most 2147483647"),
        (
            FixedProbability(1.0),
            2**31 - 1,
            2**31 - 1,
            False,
            r"number of synapses: must be at most 2147483647",
        ),
        (FixedInDegree(2**16), 10, 2**15, False, r"number of synapses: must be at most 2147483647"),
        (
            FixedOutDegree(2**16),
            2**15,
            10,
            False,
            r"number of synapses: must be at most 2147483647",
        ),
        (FixedTotal(2**31), 10, 10, False, r"number of synapses: must be at most 2147483647"),
        (
            SmallWorld(2**16, 0.0),
            2**17,
            2**17,
            True,
            r"number of synapses: must be at most 2147483647",
        ),
        (AllToAll(), -1, 3, False, r"AllToAll\.n_pre: must be a whole number >= 0"),
        (
            AllToAll(),
            3,
            2**31,
            False,
            r"AllToAll\.n_post: must be a whole number >= 0 and <= 2147483647",
        ),
        (AllToAll(), 3, 2.0, False, r"AllToAll\.n_post: must be a whole number"),
    ],
)
def test_what_does_not_fit_the_populations_is_refused(recipe, n_pre, n_post, recurrent, pattern):
    with refused(pattern):
        recipe.edges(n_pre, n_post, KEY, recurrent=recurrent)
