"""Random biochemical models."""

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from skperturb._sklearn import MOST_DRAWS, MOST_WIDTH
from skperturb.datasets._reaction_model import ReactionModel, write_sbml

__all__ = ["make_biochemical_models"]

# The distributions below set what kind of models come out. Concentrations and time have no units; scales are medians.
# Standard deviation of the logarithm of every constant: two thirds lie within a factor of 1.6 around the median. Ten
# times more lets concentrations fall to 1e-6 (from 0.1), so that many sensitivities are those of species that are all
# but absent; ten times less makes the constants of all models alike.
_LOG_SPREAD = 0.5
# Medians, chosen so that steady concentrations lie around the thresholds of regulation and saturation, whose median is
# 1, and regulators are felt: the median concentration is 0.9. It is 6.6 with ten times more production, which saturates
# every regulation, and 0.2 with ten times less. The other four move it by less than a factor of 2 at ten times more or
# less; the basal production keeps repressed species from vanishing.
_INITIAL_CONCENTRATION = 0.7
_MAXIMAL_PRODUCTION = 2.0
_BASAL_PRODUCTION = 0.1
_CONVERSION = 0.5
_BINDING = 0.3
# Probabilities of 0, 1 and 2 regulators of a species: one on the average, as in known gene networks of a few nodes.
_N_REGULATORS = (0.25, 0.5, 0.25)
# Largest Hill coefficient, exclusive: 1, 2 or 3 binding sites.
_HILL_END = 4
# Probability that each possible modification cycle is there, and that a species is also degraded by a saturated enzyme.
_CYCLE = 0.6
_SATURATED_DEGRADATION = 0.2


def make_biochemical_models(
    n_models: int = 10,
    *,
    n_species: int | tuple[int, int] = (5, 20),
    random_state: int | np.random.RandomState | None = None,
) -> list[str]:
    """Generate random biochemical models as SBML.

    A model has open species, which are produced (at a constant rate, or activated or repressed by other
    species through Hill functions) and degraded; modification cycles, whose two forms are a conserved
    moiety; and conversions and bindings between open species with mass-action or Michaelis-Menten
    kinetics, reversible or not, some with an enzyme as modifier.

    Parameters
    ----------
    n_models : int, default=10
        Number of models.
    n_species : int or tuple of (int, int), default=(5, 20)
        Number of species of every model, or the smallest and the largest number, from which each
        model's is drawn uniformly. At least 2.
    random_state : int, RandomState instance or None, default=None
        Determines the models. With an int, the first models do not depend on `n_models`.

    Returns
    -------
    models : list of str
        SBML texts; the model's ids are ``random_model_1`` and so on.

    Raises
    ------
    ValueError
        If `n_models` or `n_species` is out of range.

    Notes
    -----
    Every open species is degraded in proportion to its concentration, every production is bounded, and
    conversions conserve mass (a complex counting twice), so every trajectory stays bounded.
    Most models reach a stable steady state; oscillations and slow relaxations are possible. Concentrations
    and time are dimensionless, the rate constants are log-normal.

    Examples
    --------
    >>> from skperturb.datasets import make_biochemical_models
    >>> models = make_biochemical_models(3, n_species=6, random_state=0)
    >>> [model.count("<species ") for model in models]
    [6, 6, 6]
    """
    smallest, largest = _check_range(n_models, n_species)
    rng = check_random_state(random_state)
    models = []
    for number in range(1, n_models + 1):
        # One seed per model, so that a model does not depend on how many follow or on the length of
        # its predecessors' draws.
        model_rng = np.random.RandomState(rng.randint(np.iinfo(np.int32).max))
        size = model_rng.randint(smallest, largest + 1)
        text = _RandomNetwork(size, model_rng).text()
        models.append(write_sbml(ReactionModel(name=f"random_model_{number}", text=text)))
    return models


def _is_integer(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _check_range(n_models: Any, n_species: Any) -> tuple[int, int]:
    if not _is_integer(n_models) or not 1 <= n_models <= MOST_DRAWS:
        raise ValueError(f"n_models must be an integer from 1 to {MOST_DRAWS}, got {n_models!r}.")
    bounds = (n_species, n_species) if _is_integer(n_species) else n_species
    valid = isinstance(bounds, (tuple, list)) and len(bounds) == 2 and all(map(_is_integer, bounds))
    if not valid or not 2 <= bounds[0] <= bounds[1] <= MOST_WIDTH:
        raise ValueError(
            "n_species must be an integer of at least 2 or a pair (smallest, largest) of such integers, at most "
            f"{MOST_WIDTH}, got {n_species!r}."
        )
    return int(bounds[0]), int(bounds[1])


class _RandomNetwork:
    """Draws the statements of one model."""

    def __init__(self, n_species: int, rng: np.random.RandomState) -> None:
        self.rng = rng
        self.names = [f"S{number}" for number in range(1, n_species + 1)]
        self.constants: dict[str, float] = {}
        # At most every second pair of species is a modification cycle.
        n_cycles = rng.binomial(n_species // 4, _CYCLE)
        shuffled = [str(name) for name in rng.permutation(self.names)]
        self.cycles = [(shuffled[2 * i], shuffled[2 * i + 1]) for i in range(n_cycles)]
        self.open = sorted(shuffled[2 * n_cycles :], key=self.names.index)
        n_dimers = len(self.open) // 3
        self.monomers = self.open[: len(self.open) - n_dimers]
        self.dimers = self.open[len(self.open) - n_dimers :]

    def text(self) -> str:
        lines = [line for species in self.open for line in self._turnover(species)]
        lines += [line for cycle in self.cycles for line in self._cycle(*cycle)]
        n_extra = self.rng.randint(len(self.open) // 3, len(self.open) // 2 + 1)
        lines += [self._conversion() for _ in range(n_extra)]
        initial = ", ".join(f"{name} = {self._draw(_INITIAL_CONCENTRATION):.4g}" for name in self.names)
        constants = ", ".join(f"{name} = {value:.4g}" for name, value in self.constants.items())
        return "\n".join([f"species {initial}", f"parameter {constants}", *lines])

    def _draw(self, scale: float = 1.0) -> float:
        return scale * self.rng.lognormal(sigma=_LOG_SPREAD)

    def _constant(self, kind: str, scale: float = 1.0) -> str:
        name = f"{kind}_{len(self.constants) + 1}"
        self.constants[name] = self._draw(scale)
        return name

    def _other(self, *excluded: str) -> str:
        candidates = [name for name in self.names if name not in excluded]
        return candidates[self.rng.randint(len(candidates))]

    def _hill(self, regulator: str) -> str:
        threshold, order = self._constant("K"), self.rng.randint(1, _HILL_END)
        activation = self.rng.uniform() < 0.5
        numerator = regulator if activation else threshold
        return f"{numerator}^{order} / ({threshold}^{order} + {regulator}^{order})"

    def _turnover(self, species: str) -> list[str]:
        factors = [self._constant("v", _MAXIMAL_PRODUCTION)]
        n_regulators = min(self.rng.choice(3, p=_N_REGULATORS), len(self.names) - 1)
        regulators: list[str] = []
        for _ in range(n_regulators):
            regulators.append(self._other(species, *regulators))
        factors += map(self._hill, regulators)
        basal = self._constant("v", _BASAL_PRODUCTION)
        lines = [f"-> {species} : {basal} + {' * '.join(factors)}", f"{species} -> ; {self._constant('k')}"]
        if self.rng.uniform() < _SATURATED_DEGRADATION:
            rate, threshold = self._constant("v"), self._constant("K")
            lines.append(f"{species} -> : {rate} * {species} / ({threshold} + {species})")
        return lines

    def _cycle(self, inactive: str, active: str) -> list[str]:
        lines = []
        for substrate, product in ((inactive, active), (active, inactive)):
            rate, threshold = self._constant("v"), self._constant("K")
            regulator = "" if len(self.names) == 2 else f" * {self._other(inactive, active)}"
            # The way back runs without an enzyme, so that no form is trapped.
            enzyme = regulator if substrate == inactive else ""
            lines.append(f"{substrate} -> {product} : {rate}{enzyme} * {substrate} / ({threshold} + {substrate})")
        return lines

    def _conversion(self) -> str:
        """Draw a conversion that conserves mass, a dimer counting twice: else concentrations could grow forever."""
        kinds = ["exchange", "enzymatic", *(["binding", "dimerization"] if self.dimers else [])]
        kind = kinds[self.rng.randint(len(kinds))]
        a, b = (str(name) for name in self.rng.choice(self.monomers, 2, replace=False))
        if kind == "exchange":
            return f"{a} <-> {b} ; {self._constant('k', _CONVERSION)}, {self._constant('k', _CONVERSION)}"
        if kind == "enzymatic" and len(self.names) > 2:
            rate, threshold = self._constant("v"), self._constant("K")
            return f"{a} -> {b} : {rate} * {self._other(a, b)} * {a} / ({threshold} + {a})"
        if kind == "enzymatic":
            return f"{a} -> {b} ; {self._constant('k', _CONVERSION)}"
        dimer = self.dimers[self.rng.randint(len(self.dimers))]
        parts = f"{a} + {b}" if kind == "binding" else f"2 {a}"
        return f"{parts} <-> {dimer} ; {self._constant('k', _BINDING)}, {self._constant('k', _CONVERSION)}"
