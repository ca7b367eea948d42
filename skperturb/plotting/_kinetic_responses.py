"""What kinetic models answer to changes: interventions, control, doses, and many sets of parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from skperturb.plotting._display import AxesDisplay

__all__ = [
    "ControlCoefficientDisplay",
    "DoseResponseDisplay",
    "InterventionResponseDisplay",
    "TrajectoryBandDisplay",
]

# Up to so many entries their numbers are written into the cells; more would touch each other.
_MOST_NUMBERS = 120
# Up to so many rows or columns have names; more cannot be read.
_MOST_NAMES = 60
# Up to so many curves have a legend beside the axes; more are too many to tell apart.
_MOST_CURVES = 10
# Over fewer decades a logarithmic axis has three numbers in each.
_FEW_DECADES = 2.5
# From this part of the range on the ground is dark, so that numbers on it are white.
_DARK = 0.6


class _SignedHeatmap(AxesDisplay):
    """A table of signed numbers, in colors that are as far from white above zero as below."""

    _label = ""

    def __init__(self, table: pd.DataFrame) -> None:
        self.table = table

    def _figure_size(self) -> tuple[float, float]:
        rows, columns = self.table.shape
        names = max((len(str(name)) for name in self.table.index), default=0)
        return min(2.6 + 0.08 * names + 0.55 * columns, 14.0), min(1.9 + 0.36 * rows, 12.0)

    def _limit(self) -> float:
        values = self.table.to_numpy(dtype=float)
        return float(np.abs(values[np.isfinite(values)]).max(initial=0.0)) or 1.0

    def _draw(self, ax: Any) -> None:
        import matplotlib as mpl

        values = self.table.to_numpy(dtype=float)
        limit = self._limit()
        colors = mpl.colormaps["RdBu_r"].with_extremes(bad="0.85")
        image = ax.imshow(
            np.ma.masked_invalid(np.clip(values, -limit, limit, where=~np.isnan(values), out=values.copy())),
            cmap=colors,
            vmin=-limit,
            vmax=limit,
            interpolation="nearest",
            aspect="auto",
        )
        ax.figure.colorbar(image, ax=ax, label=self._label)
        for axis, names in ((ax.yaxis, self.table.index), (ax.xaxis, self.table.columns)):
            if len(names) <= _MOST_NAMES:
                axis.set_ticks(np.arange(len(names)), [str(name) for name in names], fontsize=9)
        ax.tick_params(length=0)
        ax.tick_params(
            axis="x", rotation=90 if max((len(str(name)) for name in self.table.columns), default=0) > 4 else 0
        )
        if values.size <= _MOST_NUMBERS:
            self._write_numbers(ax, values, limit)

    def _write_numbers(self, ax: Any, values: np.ndarray, limit: float) -> None:
        for (row, column), value in np.ndenumerate(values):
            if not np.isnan(value):
                dark = abs(value) > _DARK * limit
                ax.text(column, row, _short(value), ha="center", va="center", fontsize=8, color="w" if dark else "0.15")


def _short(value: float) -> str:
    if np.isinf(value):
        return "∞" if value > 0.0 else "−∞"
    # What is exactly zero differs from what is nearly so.
    text = "0" if value == 0.0 else f"{value:.2f}" if abs(value) < 9.995 else f"{value:.3g}"
    return "0.00" if text == "-0.00" else text.replace("-", "−")


class InterventionResponseDisplay(_SignedHeatmap):
    """Heatmap of the response of each species to each intervention, with its sign.

    Red is more, blue less than without the intervention, gray has no value; the reason stands in the name of the row.
    Infinite changes (something appears, or vanishes) have the color of the largest finite one.

    Parameters
    ----------
    table : DataFrame of shape (n_interventions, n_species)
        log2-fold changes; NaN where there are none.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
    ax_ : matplotlib.axes.Axes
        Both are set by `plot`.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.plotting import InterventionResponseDisplay
    >>> table = pd.DataFrame([[1.0, -0.5]], index=["enzyme doubled"], columns=["S1", "S2"])
    >>> InterventionResponseDisplay(table).table.shape
    (1, 2)
    """

    _label = "log2-fold change"

    @classmethod
    def from_responses(cls, responses: pd.DataFrame, *, species: Sequence[str] | None = None) -> Any:
        """Build the display from a table of `skperturb.sbml.perturb`.

        Parameters
        ----------
        responses : DataFrame
            Responses of steady states.
        species : sequence of str, default=None
            The columns that are shown; by default all.

        Returns
        -------
        InterventionResponseDisplay

        Raises
        ------
        ValueError
            If `responses` is another table, or a course, or a species is none of its columns.
        """
        _check_outcomes(responses, "responses", "perturb", ("outcome", "log2_fold_change"))
        if responses.index.nlevels > 1:
            raise ValueError(
                "responses is a course (its index has the levels "
                f"{list(responses.index.names)}); expected steady states, or one time of it, as "
                "responses.xs(t, level='time')."
            )
        changes = _chosen(responses["log2_fold_change"], species, "species")
        states = responses["outcome"]["status"]
        names = [
            name if state in ("steady", "simulated") else f"{name} ({str(state).replace('_', ' ')})"
            for name, state in states.items()
        ]
        return cls(changes.set_axis(pd.Index(names, name="intervention")).iloc[1:])

    @classmethod
    def from_model(cls, model: Any, interventions: Any, *, species: Sequence[str] | None = None) -> Any:
        """Build the display from a model and interventions.

        Parameters
        ----------
        model : KineticModel, str or path-like
            The model.
        interventions : sequence of Intervention
            See `skperturb.sbml.perturb`.
        species : sequence of str, default=None
            The species that are shown; by default all.

        Returns
        -------
        InterventionResponseDisplay
        """
        from skperturb.sbml import perturb

        return cls.from_responses(perturb(model, interventions), species=species)

    def _draw(self, ax: Any) -> None:
        super()._draw(ax)
        ax.set(xlabel="species", ylabel="intervention")


class ControlCoefficientDisplay(_SignedHeatmap):
    """Heatmap of control coefficients, with their signs.

    Parameters
    ----------
    table : DataFrame of shape (n_responding, n_changed)
        Coefficients in per cent per per cent; NaN where there are none.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
    ax_ : matplotlib.axes.Axes
        Both are set by `plot`.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.plotting import ControlCoefficientDisplay
    >>> table = pd.DataFrame([[0.7, 0.3], [0.7, 0.3]], index=["v1", "v2"], columns=["v1", "v2"])
    >>> float(ControlCoefficientDisplay(table).table.loc["v1"].sum())
    1.0
    """

    _label = "control coefficient"

    @classmethod
    def from_coefficients(cls, coefficients: pd.DataFrame) -> Any:
        """Build the display from a table of `control_coefficients` or scaled `parameter_sensitivity`.

        Parameters
        ----------
        coefficients : DataFrame of shape (n_responding, n_changed)
            The table.

        Returns
        -------
        ControlCoefficientDisplay

        Raises
        ------
        ValueError
            If it is no DataFrame of numbers.
        """
        if not isinstance(coefficients, pd.DataFrame) or coefficients.columns.nlevels > 1:
            raise ValueError(
                f"coefficients is a {type(coefficients).__name__}; expected a DataFrame with one row for each variable "
                "or reaction that responds, such as control_coefficients(model)."
            )
        return cls(coefficients)

    @classmethod
    def from_model(cls, model: Any, *, kind: str = "flux") -> Any:
        """Build the display from a model.

        Parameters
        ----------
        model : KineticModel
            The model.
        kind : {"flux", "concentration"}, default="flux"
            What responds.

        Returns
        -------
        ControlCoefficientDisplay
        """
        from skperturb.sbml import control_coefficients

        return cls.from_coefficients(control_coefficients(model, kind=kind, undefined="nan"))

    def _draw(self, ax: Any) -> None:
        super()._draw(ax)
        ax.set(xlabel=str(self.table.columns.name or "changed"), ylabel=str(self.table.index.name or "responding"))


class DoseResponseDisplay(AxesDisplay):
    """Steady states over the values of one parameter.

    Parameters
    ----------
    responses : DataFrame of shape (n_values, n_outputs)
        Steady values; the index holds the values of the parameter and has its name. NaN leaves a gap.
    log : bool, default=None
        Whether the axis of the parameter is logarithmic; by default where its positive values span a factor of 20.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
    ax_ : matplotlib.axes.Axes
        Both are set by `plot`.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.plotting import DoseResponseDisplay
    >>> table = pd.DataFrame({"S": [1.0, 2.0]}, index=pd.Index([0.1, 10.0], name="inhibitor"))
    >>> DoseResponseDisplay(table).log
    True
    """

    def __init__(self, responses: pd.DataFrame, log: bool | None = None) -> None:
        doses = responses.index.to_numpy(dtype=float)
        self.responses = responses
        wide = doses.size > 0 and doses.min() > 0.0 and doses.max() > 20.0 * doses.min()
        self.log = bool(wide) if log is None else log

    def _figure_size(self) -> tuple[float, float]:
        return 6.4, 4.0

    @classmethod
    def from_model(
        cls, model: Any, parameter: str, values: Any, *, outputs: Sequence[str] | None = None, n_jobs: int | None = None
    ) -> Any:
        """Build the display from a model.

        Parameters
        ----------
        model : KineticModel, str or path-like
            The model.
        parameter : str
            Id of a parameter, or of a variable for its initial value.
        values : array-like of shape (n_values,)
            Its values.
        outputs : sequence of str, default=None
            What is shown; by default the variables and species under rules.
        n_jobs : int, default=None
            Number of parallel jobs, as in joblib.

        Returns
        -------
        DoseResponseDisplay
        """
        from skperturb.sbml import steady_states

        doses = np.sort(np.asarray(values, dtype=float))
        table = steady_states(model, pd.DataFrame({parameter: doses}), n_jobs=n_jobs)
        shown = _chosen(table["value"], outputs, "outputs")
        return cls(shown.set_axis(pd.Index(doses, name=parameter)))

    def _draw(self, ax: Any) -> None:
        doses = self.responses.index.to_numpy(dtype=float)
        for name in self.responses.columns:
            ax.plot(doses, self.responses[name], marker="o", markersize=3, label=str(name))
        missing = doses[self.responses.isna().all(axis=1).to_numpy()]
        if missing.size:
            ax.plot(missing, np.zeros(missing.size), "x", color="0.4", label="no steady state", clip_on=False)
        if self.log:
            _log_ticks(ax, doses)
        ax.set(xlabel=str(self.responses.index.name), ylabel="steady state")
        _legend(ax, self.responses.shape[1])


class TrajectoryBandDisplay(AxesDisplay):
    """Median time courses over sets of parameters, with the band that holds most of them.

    Parameters
    ----------
    bands : mapping of str to DataFrame of shape (n_times, 3)
        For each output the columns "low", "median" and "high"; index: times.
    coverage : float, default=0.9
        Part of the sets within the band.
    n_sets : int, default=0
        Number of sets that have a course, for the title.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
    ax_ : matplotlib.axes.Axes
        Both are set by `plot`.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.plotting import TrajectoryBandDisplay
    >>> band = pd.DataFrame({"low": [0.0, 0.5], "median": [0.0, 1.0], "high": [0.0, 2.0]}, index=[0.0, 1.0])
    >>> sorted(TrajectoryBandDisplay({"S": band}).bands)
    ['S']
    """

    def __init__(self, bands: Mapping[str, pd.DataFrame], coverage: float = 0.9, n_sets: int = 0) -> None:
        self.bands, self.coverage, self.n_sets = dict(bands), coverage, n_sets

    def _figure_size(self) -> tuple[float, float]:
        return 6.4, 4.0

    @classmethod
    def from_trajectories(
        cls, trajectories: pd.DataFrame, *, outputs: Sequence[str] | None = None, coverage: float = 0.9
    ) -> Any:
        """Build the display from a table of `skperturb.sbml.simulate_many`.

        Parameters
        ----------
        trajectories : DataFrame
            One row for each set and time.
        outputs : sequence of str, default=None
            What is shown; by default all.
        coverage : float, default=0.9
            Part of the sets within the band, at each time.

        Returns
        -------
        TrajectoryBandDisplay

        Raises
        ------
        ValueError
            If `trajectories` is another table, or no set has a course.
        """
        _check_outcomes(trajectories, "trajectories", "simulate_many", ("outcome", "value"))
        if "time" not in trajectories.index.names:
            raise ValueError("trajectories has no index level 'time'; expected a table of simulate_many.")
        if not 0.0 < coverage < 1.0:
            raise ValueError(f"coverage={coverage!r}; expected a number between 0 and 1.")
        values = _chosen(trajectories["value"], outputs, "outputs").dropna(how="all")
        if values.empty:
            raise ValueError("trajectories has no set with a course; see trajectories['outcome'].")
        tail = 0.5 * (1.0 - coverage)
        by_time = values.groupby(level="time")
        low, median, high = (by_time.quantile(part) for part in (tail, 0.5, 1.0 - tail))
        bands = {
            str(name): pd.DataFrame({"low": low[name], "median": median[name], "high": high[name]})
            for name in values.columns
        }
        return cls(bands, coverage, len(values.index.droplevel("time").unique()))

    @classmethod
    def from_model(
        cls,
        model: Any,
        parameters: pd.DataFrame,
        times: Any,
        *,
        outputs: Sequence[str] | None = None,
        coverage: float = 0.9,
        n_jobs: int | None = None,
    ) -> Any:
        """Build the display from a model and sets of parameters.

        Parameters
        ----------
        model : KineticModel, str or path-like
            The model.
        parameters : DataFrame
            One set in each row, see `skperturb.sbml.simulate_many`.
        times : array-like of shape (n_times,)
            Output times.
        outputs : sequence of str, default=None
            What is shown; by default the variables and species under rules.
        coverage : float, default=0.9
            Part of the sets within the band, at each time.
        n_jobs : int, default=None
            Number of parallel jobs, as in joblib.

        Returns
        -------
        TrajectoryBandDisplay
        """
        from skperturb.sbml import simulate_many

        trajectories = simulate_many(model, parameters, times, n_jobs=n_jobs)
        return cls.from_trajectories(trajectories, outputs=outputs, coverage=coverage)

    def _draw(self, ax: Any) -> None:
        for name, band in self.bands.items():
            times = band.index.to_numpy(dtype=float)
            (line,) = ax.plot(times, band["median"], label=name)
            ax.fill_between(times, band["low"], band["high"], color=line.get_color(), alpha=0.2, linewidth=0)
        ax.set(xlabel="time", ylabel="value", title=f"median and {100 * self.coverage:g} % of {self.n_sets} sets")
        ax.margins(x=0)
        _legend(ax, len(self.bands))


def _log_ticks(ax: Any, doses: np.ndarray) -> None:
    """Label a logarithmic axis with plain numbers, few enough not to touch."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    ax.set_xscale("log")
    decades = np.log10(doses[-1] / doses[0])
    subs = (1.0, 2.0, 5.0) if decades < _FEW_DECADES else (1.0,)
    ax.xaxis.set_major_locator(LogLocator(subs=subs))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())


def _legend(ax: Any, count: int) -> None:
    if count <= _MOST_CURVES:
        ax.legend(fontsize=9, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))


def _check_outcomes(table: Any, name: str, source: str, groups: tuple[str, ...]) -> None:
    found = set(table.columns.get_level_values(0)) if isinstance(table, pd.DataFrame) else set()
    if not found.issuperset(groups):
        raise ValueError(
            f"{name} is a {type(table).__name__} without the column groups {list(groups)}; expected a table of "
            f"{source}."
        )


def _chosen(table: pd.DataFrame, names: Sequence[str] | None, argument: str) -> pd.DataFrame:
    if names is None:
        return table
    if isinstance(names, str):
        raise TypeError(f"{argument} is one name ({names!r}); expected a sequence of names. Wrap it in a list.")
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise ValueError(
            f"{argument}: {missing[0]!r} is none of the columns; expected some of {list(table.columns)[:8]}."
        )
    return table[list(names)]
