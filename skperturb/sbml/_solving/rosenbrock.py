"""Steps of a Rosenbrock method for many stiff initial value problems at a time."""

from __future__ import annotations

import numpy as np

from skperturb.sbml._solving.batched_run import BatchedRun

__all__ = ["GAMMA", "RosenbrockRun"]

# Rodas5P, an L-stable method of order 5 with an embedded one of order 4 and a continuation of order 4.
# G. Steinebach, "Construction of Rosenbrock-Wanner method Rodas5P and numerical benchmarks within the Julia
# Differential Equations package", BIT Numer. Math. 63:27, 2023; in the form that needs no product with the Jacobian.
GAMMA = 0.21193756319429014
_LAST_WEIGHTS = [
    -7.502846399306121,
    2.561846144803919,
    -11.627539656261098,
    -0.18268767659942256,
    0.030198172008377946,
]
_WEIGHTS = [
    [3.0],
    [2.849394379747939, 0.45842242204463923],
    [-6.954028509809101, 2.489845061869568, -10.358996098473584],
    [2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641],
    _LAST_WEIGHTS,
    [*_LAST_WEIGHTS, 1.0],
    [*_LAST_WEIGHTS, 1.0, 1.0],
]
_COUPLING = [
    [-14.155112264123755],
    [-17.97296035885952, -2.859693295451294],
    [147.12150275711716, -1.41221402718213, 71.68940251302358],
    [165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306],
    [24.854864614690072, -3.0009227002832186, 47.4931110020768, 5.5814197821558125, -0.6610691825249471],
    [
        30.91273214028599,
        -3.1208243349937974,
        77.79954646070892,
        34.28646028294783,
        -19.097331116725623,
        -28.087943162872662,
    ],
    [
        37.80277123390563,
        -3.2571969029072276,
        112.26918849496327,
        66.9347231244047,
        -40.06618937091002,
        -54.66780262877968,
        -9.48861652309627,
    ],
]
_NODES = [0.0, 0.6358126895828704, 0.4095798393397535, 0.9769306725060716, 0.4288403609558664, 1.0, 1.0, 1.0]
_SLOPES = [0.21193756319429014, -0.42387512638858027, -0.3384627126235924, 1.8046452872882734, 2.325825639765069]
_CONTINUATION = np.array(
    [
        [
            25.948786856663858,
            -2.5579724845846235,
            10.433815404888879,
            -2.3679251022685204,
            0.524948541321073,
            1.1241088310450404,
            0.4272876194431874,
            -0.17202221070155493,
        ],
        [
            -9.91568850695171,
            -0.9689944594115154,
            3.0438037242978453,
            -24.495224566215796,
            20.176138334709044,
            15.98066361424651,
            -6.789040303419874,
            -6.710236069923372,
        ],
        [
            11.419903575922262,
            2.8879645146136994,
            72.92137995996029,
            80.12511834622643,
            -52.072871366152654,
            -59.78993625266729,
            -0.15582684282751913,
            4.883087185713722,
        ],
    ]
)
_N_STAGES = 8
_A = [np.empty(0), *(np.array(row) for row in _WEIGHTS)]
_C = [np.empty(0), *(np.array(row) for row in _COUPLING)]


class RosenbrockRun(BatchedRun):
    """Implicit steps, each with one Jacobian and one factorization; see `BatchedRun`.

    Notes
    -----
    Linear equations are solved without exchanging pivots. A solution that suffers from it is one of other stages, so
    its estimated error is large and the step is repeated with a shorter one, whose matrix is dominated by its diagonal.
    """

    def _allocate(self) -> None:
        n, m, equations = self.equations.size, self.sets.size, self.equations
        self._linear = np.zeros((n + equations.n_entries + (n if equations.has_time else 0), m))
        self._stages = np.empty((_N_STAGES, n, m))
        self._moved, self._coupled, self._scratch = (np.empty((n, m)) for _ in range(3))

    def _attempt(self, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        equations, x, t = self.equations, self.x, self.t
        n, m = x.shape
        inverse = 1.0 / h
        equations.linearization(t, x, self.constants, self._linear)
        matrix = self._linear[n : n + equations.n_entries]
        slope = self._linear[n + equations.n_entries :] if equations.has_time else None
        if not np.isfinite(matrix.sum()):
            # An infinite slope costs accuracy of the step, which is estimated; a NaN would end the run.
            np.nan_to_num(matrix, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        matrix[:n] -= inverse * (1.0 / GAMMA)
        # Factorized is J - I / (h gamma) in place of its negative, so that all stages have the opposite sign.
        factors = self._factors = equations.implicit_lu.factor(matrix)
        stages, moved, coupled = self._stages, self._moved, self._coupled
        flat = stages.reshape(_N_STAGES, n * m)
        for stage in range(_N_STAGES):
            side = stages[stage]
            if stage == 0:
                side[...] = self._linear[:n]
            else:
                if stage < 6:
                    np.dot(_A[stage], flat[:stage], out=moved.reshape(-1))
                    np.subtract(x, moved, out=moved)
                else:
                    moved -= stages[stage - 1]
                equations.rhs(t + _NODES[stage] * h, moved, self.constants, side)
                np.dot(_C[stage], flat[:stage], out=coupled.reshape(-1))
                coupled *= inverse
                side -= coupled
            if slope is not None and stage < len(_SLOPES):
                side += np.multiply(_SLOPES[stage] * h, slope, out=self._scratch)
            solved = equations.implicit_lu.solve(factors, side)
            if solved is not side:
                side[...] = solved
        moved -= stages[-1]
        coupled[...] = stages[-1]
        return moved, coupled

    def _between(self, columns: np.ndarray, part: np.ndarray, h: np.ndarray, after: np.ndarray) -> np.ndarray:
        second, third, fourth = -np.tensordot(_CONTINUATION, self._stages[:, :, columns], axes=1)
        inner = second + part * (third + part * fourth)
        return (1.0 - part) * self.x[:, columns] + part * (after[:, columns] + (1.0 - part) * inner)
