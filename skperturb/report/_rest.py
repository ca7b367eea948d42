"""The network of a model where it rests, or where it starts if it does not rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skperturb.networks import InfluenceNetwork
    from skperturb.sbml import KineticModel

__all__ = ["network_at_rest"]


def network_at_rest(model: KineticModel) -> tuple[InfluenceNetwork, str, str]:
    """Return the network at the steady state, or at the initial state of a model without one.

    Parameters
    ----------
    model : KineticModel

    Returns
    -------
    network : InfluenceNetwork
        Its `steady_state` is None at the initial state.
    status : str
        Why there is no steady state, as `NoSteadyStateError` calls it; empty where there is one.
    refusal : str
        The same in a sentence.
    """
    from skperturb.exceptions import NoSteadyStateError
    from skperturb.sbml import JacobianExtractor

    try:
        return JacobianExtractor().fit_transform([model])[0], "", ""
    except NoSteadyStateError as error:
        # Without the position among several models, of which there is one.
        refusal = str(error).partition(": ")[2] if str(error).startswith("X[0]") else str(error)
        return JacobianExtractor(at="initial").fit_transform([model])[0], error.status, refusal
