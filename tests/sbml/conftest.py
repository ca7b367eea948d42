"""Small models written by hand that obey the KineticModel protocol, so that the numerics are tested alone."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array


class HandModel:
    """``dx/dt = N v(t, x)`` (reactions) plus rate rules, with a numerical stand-in for the exact Jacobian."""

    def __init__(self, variables, x0, stoichiometry, rates, *, rules=None, volumes=None, time_dependence=(), events=()):
        n = len(variables)
        self.model_id = "hand"
        self.variables = tuple(variables)
        self.x0 = np.array(x0, dtype=float)
        self.stoichiometry = csr_array(np.asarray(stoichiometry, dtype=float).reshape(n, -1))
        self.reaction_ids = tuple(f"r{k}" for k in range(self.stoichiometry.shape[1]))
        self.volumes = np.ones(n) if volumes is None else np.asarray(volumes, dtype=float)
        self.rates, self.rules = rates, rules or {}
        self.is_rate_rule = np.array([name in self.rules for name in variables])
        self.time_dependence, self.event_ids, self.warnings = tuple(time_dependence), tuple(events), ()
        self.structure = None
        self.jacobian_pattern = csr_array(np.abs(self.jacobian(1.0, np.pi * (1 + np.arange(n)) / 7)) > 0)

    def rhs(self, t, x):
        return self._rhs(t, np.asarray(x)).real

    def _rhs(self, t, x):
        with np.errstate(all="ignore"):
            f = self.stoichiometry @ np.asarray(self.rates(t, x)) / self.volumes
            for name, rule in self.rules.items():
                f = f.astype(np.result_type(f, x, float))
                f[self.variables.index(name)] = rule(t, x)
        return f

    def jacobian(self, t, x):
        """Complex-step derivative: exact to rounding for the analytic rates of these models."""
        columns = []
        for j in range(len(x)):
            z = np.array(x, dtype=complex)
            z[j] += 1e-30j
            columns.append(self._rhs(t, z).imag / 1e-30)
        return np.array(columns).T

    def evaluate(self, t, states):
        return pd.DataFrame(np.atleast_2d(states), columns=list(self.variables))

    def dynamo_jacobian(self, t, x):
        return self.variables, self.jacobian(t, x)


@pytest.fixture
def hand():
    """Build models: the class, and a few named ones."""

    def cascade(x0=(0.0, 0.0)):
        return HandModel(
            "AB", x0, [[1, -1, 0, 0], [0, 0, 1, -1]], lambda t, x: np.array([2.0, x[0], 3 * x[0], 1.5 * x[1]])
        )

    def binding(volumes=None):
        return HandModel(
            ("A", "B", "AB"), (2.0, 3.0, 0.5), [[-1], [-1], [1]],
            lambda t, x: np.array([1.3 * x[0] * x[1] - 0.7 * x[2]]), volumes=volumes,
        )  # fmt: skip

    def brusselator():
        return HandModel(
            "XY", (1.0, 1.0), [[1, 1, -1, -1], [0, -1, 1, 0]],
            lambda t, x: np.array([1.0, x[0] ** 2 * x[1], 3.0 * x[0], x[0]]),
        )  # fmt: skip

    return SimpleNamespace(Model=HandModel, cascade=cascade, binding=binding, brusselator=brusselator)


CHAIN = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1">
<model id="{name}">
<listOfCompartments><compartment id="cell" size="1" spatialDimensions="3" constant="true"/></listOfCompartments>
<listOfSpecies>
<species id="A" compartment="cell" initialConcentration="1" hasOnlySubstanceUnits="false"
 boundaryCondition="false" constant="false"/>
<species id="B" compartment="cell" initialConcentration="0" hasOnlySubstanceUnits="false"
 boundaryCondition="false" constant="false"/>
</listOfSpecies>
<listOfParameters><parameter id="k" value="{k}" constant="true"/></listOfParameters>
<listOfReactions>
<reaction id="forward" reversible="false" fast="false">
<listOfReactants><speciesReference species="A" stoichiometry="1" constant="true"/></listOfReactants>
<listOfProducts><speciesReference species="B" stoichiometry="1" constant="true"/></listOfProducts>
<kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML">
<apply><times/><ci>cell</ci><ci>k</ci><ci>A</ci></apply></math></kineticLaw>
</reaction>
<reaction id="backward" reversible="false" fast="false">
<listOfReactants><speciesReference species="B" stoichiometry="1" constant="true"/></listOfReactants>
<listOfProducts><speciesReference species="A" stoichiometry="1" constant="true"/></listOfProducts>
<kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML">
<apply><times/><ci>cell</ci><ci>B</ci></apply></math></kineticLaw>
</reaction>
{extra}
</listOfReactions>
</model>
</sbml>
"""

# A reaction that makes B for ever.
SOURCE = """<reaction id="source" reversible="false" fast="false">
<listOfProducts><speciesReference species="B" stoichiometry="1" constant="true"/></listOfProducts>
<kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML"><ci>cell</ci></math></kineticLaw>
</reaction>"""


@pytest.fixture
def sbml_text():
    """Text of a reversible isomerisation A <-> B with rates k A and B; with grows=True B is also produced."""

    def text(name="chain", k=2.0, *, grows=False):
        return CHAIN.format(name=name, k=k, extra=SOURCE if grows else "")

    return text
