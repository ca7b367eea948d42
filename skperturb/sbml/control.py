"""Elasticities, parameter sensitivities and control coefficients of steady states."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from numpy.typing import ArrayLike

from skperturb._validation import check_n_jobs
from skperturb.sbml._responding import coefficients
from skperturb.sbml._solving.steady_state import SteadyState
from skperturb.sbml.many_models import as_model, is_several, map_models

__all__ = ["control_coefficients", "elasticities", "parameter_sensitivity"]


def elasticities(
    model: Any,
    state: SteadyState | ArrayLike | None = None,
    *,
    wrt: str = "variables",
    scaled: bool = True,
    time: float = 0.0,
    on_error: str = "raise",
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Any:
    r"""Compute how the rate of each reaction depends on each variable or parameter, all others held.

    Parameters
    ----------
    model : KineticModel, str, path-like or a sequence of these
        The model, what `KineticModel.from_sbml` reads, or several of either.
    state : SteadyState or array-like of shape (n_variables,), default=None
        Where; any state will do. By default the steady state that the model reaches.
    wrt : {"variables", "parameters"}, default="variables"
        What the rates are differentiated by.
    scaled : bool, default=True
        Return :math:`\varepsilon_{ij} = (x_j / v_i)\, \partial v_i / \partial x_j`, else the derivative in the units
        of the model.
    time : float, default=0.0
        Model time of a state that is given as numbers.
    on_error : {"raise", "skip"}, default="raise"
        For several models, what to do with one that has no such table: raise its error with its index, or put an empty
        table in its place and warn once.
    n_jobs : int, default=None
        Number of parallel jobs for several models, as in joblib. It changes no result.
    verbose : int, default=0
        Show a progress bar over several models when positive.

    Returns
    -------
    elasticities : DataFrame of shape (n_reactions, n_variables or n_parameters)
        For several models a 1-D object array of tables. Exactly zero where the rate law does not hold the symbol.
        Scaled elasticities of a rate that is zero are NaN where they are not zero.

    Raises
    ------
    NoSteadyStateError
        If no state is given and the model reaches none.
    UnsupportedModelError
        If a derivative is not finite.
    ValueError
        If `state` has another shape or `wrt` is unknown.

    Examples
    --------
    >>> from skperturb.datasets import load_textbook_models
    >>> from skperturb.sbml import KineticModel, elasticities
    >>> model = KineticModel.from_sbml(load_textbook_models().data[0])
    >>> table = elasticities(model)
    >>> table.shape == (len(model.reaction_ids), len(model.variables))
    True
    """
    check_n_jobs(n_jobs)
    compute = partial(coefficients.elasticities, wrt=wrt, scaled=scaled, time=time)
    if is_several(model):
        return map_models(compute, model, state, on_error=on_error, n_jobs=n_jobs, verbose=verbose)
    return compute(as_model(model), state)


def parameter_sensitivity(
    model: Any,
    state: SteadyState | ArrayLike | None = None,
    *,
    kind: str = "concentration",
    scaled: bool = False,
    parameters: Sequence[str] | None = None,
    undefined: str = "raise",
    on_error: str = "raise",
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Any:
    r"""Compute how a steady state depends on the parameters, exactly.

    Parameters
    ----------
    model : KineticModel, str, path-like or a sequence of these
        The model, what `KineticModel.from_sbml` reads, or several of either.
    state : SteadyState or array-like of shape (n_variables,), default=None
        The steady state; by default the one that the model reaches.
    kind : {"concentration", "flux"}, default="concentration"
        Whether the variables or the rates of the reactions respond.
    scaled : bool, default=False
        Return response coefficients, :math:`(p_j / x_i)\, dx_i / dp_j`, in per cent per per cent.
    parameters : sequence of str, default=None
        Ids of parameters; by default all of `KineticModel.parameters`.
    undefined : {"raise", "nan"}, default="raise"
        What to do where a variable does not come to rest after a small change.
    on_error : {"raise", "skip"}, default="raise"
        For several models, what to do with one that has no such table: raise its error with its index, or put an empty
        table in its place and warn once.
    n_jobs : int, default=None
        Number of parallel jobs for several models, as in joblib. It changes no result.
    verbose : int, default=0
        Show a progress bar over several models when positive.

    Returns
    -------
    sensitivity : DataFrame of shape (n_variables or n_reactions, n_parameters)
        For several models a 1-D object array of tables. Exactly zero where the parameter has no influence, directly or
        through others. Scaled responses of what is zero are NaN where they are not zero.

    Raises
    ------
    NoSteadyStateError
        If no state is given and the model reaches none.
    UndefinedSensitivityError
        If a response does not exist and `undefined` is "raise".
    UnsupportedModelError
        If a derivative is not finite.
    ValueError
        If a parameter is unknown or `state` is not at rest.

    Notes
    -----
    At rest :math:`f(x, p) = 0` and :math:`L(p) x = L(p) x_0(p)`, with the conservation laws L. The equations that
    follow from the others are replaced by these totals,

    .. math:: \begin{pmatrix} J \\ L \end{pmatrix} \frac{dx}{dp} =
              \begin{pmatrix} -\partial f / \partial p \\ L\, dx_0/dp - (dL/dp) (x - x_0) \end{pmatrix}.

    All derivatives are exact; initial assignments and other parameters that follow from one are followed, as
    `KineticModel.with_parameters` does. After events, and for a state that is given as numbers, the totals are
    those of the state, whatever the parameter.

    Where neighbors of the state rest too, with the same totals, the Jacobian is singular beyond the laws, and where the
    model comes to rest depends on its history. That is said by a `ModelWarning`; the responses are those of a change
    that is made at the state, and responses to initial values are undefined for the variables that are free there.

    Where a parameter is the stoichiometry or the conversion factor of a species under a conservation law, the law
    itself changes: that response is undefined.

    References
    ----------
    .. [1] C. Reder, "Metabolic control theory: a structural approach", J. Theor. Biol. 135:175-201, 1988.
       doi:10.1016/S0022-5193(88)80073-0.

    Examples
    --------
    >>> from skperturb.datasets import load_textbook_models
    >>> from skperturb.sbml import KineticModel, parameter_sensitivity
    >>> model = KineticModel.from_sbml(load_textbook_models().data[0])
    >>> parameter_sensitivity(model).shape == (len(model.variables), len(model.parameters))
    True
    """
    check_n_jobs(n_jobs)
    compute = partial(
        coefficients.parameter_sensitivity, kind=kind, scaled=scaled, parameters=parameters, undefined=undefined
    )
    if is_several(model):
        return map_models(compute, model, state, on_error=on_error, n_jobs=n_jobs, verbose=verbose)
    return compute(as_model(model), state)


def control_coefficients(
    model: Any,
    state: SteadyState | ArrayLike | None = None,
    *,
    kind: str = "concentration",
    scaled: bool = True,
    undefined: str = "raise",
    on_error: str = "raise",
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Any:
    r"""Compute how much control each reaction has over the steady state, exactly.

    Parameters
    ----------
    model : KineticModel, str, path-like or a sequence of these
        The model, what `KineticModel.from_sbml` reads, or several of either.
    state : SteadyState or array-like of shape (n_variables,), default=None
        The steady state; by default the one that the model reaches.
    kind : {"concentration", "flux"}, default="concentration"
        Whether the variables or the rates of the reactions respond.
    scaled : bool, default=True
        Return :math:`C_{ij} = (v_j / x_i)\, dx_i / dv_j`, what one per cent more activity of reaction j does, in per
        cent; else :math:`dx_i / dv_j`, per unit of rate.
    undefined : {"raise", "nan"}, default="raise"
        What to do where a variable does not come to rest after a small change.
    on_error : {"raise", "skip"}, default="raise"
        For several models, what to do with one that has no such table: raise its error with its index, or put an empty
        table in its place and warn once.
    n_jobs : int, default=None
        Number of parallel jobs for several models, as in joblib. It changes no result.
    verbose : int, default=0
        Show a progress bar over several models when positive.

    Returns
    -------
    control : DataFrame of shape (n_variables or n_reactions, n_reactions)
        For several models a 1-D object array of tables. Column = the reaction whose rate is changed. Exactly zero where
        there is no influence. Scaled coefficients of what is zero are NaN where they are not zero.

    Raises
    ------
    NoSteadyStateError
        If no state is given and the model reaches none.
    UndefinedSensitivityError
        If a response does not exist and `undefined` is "raise".
    UnsupportedModelError
        If the model has no reactions, or a species whose stoichiometry varies, or a derivative is not finite.
    ValueError
        If `state` is not at rest or an option is unknown.

    See Also
    --------
    parameter_sensitivity : Responses to parameters, and response coefficients.
    elasticities : How the rates depend on the variables.

    Notes
    -----
    The summation theorem, :math:`\sum_j C_{ij} = 0` for concentrations and 1 for fluxes, and the connectivity theorem
    :math:`\sum_j C_{ij} \varepsilon_{jk} = -\delta_{ik}` (for fluxes 0), which holds along directions that keep the
    conserved totals [1]_, are tests of this function. Rate rules count as further processes, which no reaction scales.
    A state that is not isolated is named by a `ModelWarning`, see `parameter_sensitivity`.

    References
    ----------
    .. [1] C. Reder, "Metabolic control theory: a structural approach", J. Theor. Biol. 135:175-201, 1988.
       doi:10.1016/S0022-5193(88)80073-0.

    Examples
    --------
    >>> from skperturb.datasets import load_textbook_models
    >>> from skperturb.sbml import KineticModel, control_coefficients
    >>> model = KineticModel.from_sbml(load_textbook_models().data[0])
    >>> control = control_coefficients(model, kind="flux", undefined="nan")
    >>> control.shape == (len(model.reaction_ids),) * 2
    True
    """
    check_n_jobs(n_jobs)
    compute = partial(coefficients.control_coefficients, kind=kind, scaled=scaled, undefined=undefined)
    if is_several(model):
        return map_models(compute, model, state, on_error=on_error, n_jobs=n_jobs, verbose=verbose)
    return compute(as_model(model), state)
