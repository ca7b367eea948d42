"""Errors and warnings of skperturb; every error is a ``ValueError``."""

__all__ = [
    "InvalidModelError",
    "ModelWarning",
    "NoSteadyStateError",
    "SBMLError",
    "UndefinedSensitivityError",
    "UnsupportedModelError",
]


class SBMLError(ValueError):
    """An SBML source that cannot become a kinetic model."""


class InvalidModelError(SBMLError):
    """The source is not SBML, or is SBML that contradicts itself."""


class UnsupportedModelError(SBMLError):
    """The source is valid SBML with a construct that is refused by name."""


class NoSteadyStateError(ValueError):
    """No verified steady state was reached from the initial state.

    Parameters
    ----------
    message : str
        What was found instead.
    status : {"oscillating", "diverged", "sliding", "unsupported", "integration_failed"}, default="oscillating"
        The class of the outcome, as `screen_models` reports it; "integration_failed" where no integrator could follow
        the trajectory, so that nothing is known of where it goes; "sliding" where it rests on a jump of the right-hand
        side, whose two sides push it against each other, so that the rates are zero on neither.
    """

    def __init__(self, message: str, status: str = "oscillating") -> None:
        super().__init__(message)
        self.status = status

    def __reduce__(self):
        return type(self), (self.args[0], self.status)


class UndefinedSensitivityError(ValueError):
    """A response that does not exist or is not unique."""


class ModelWarning(UserWarning):
    """Something in a model that the result depends on and that its reader should know."""
