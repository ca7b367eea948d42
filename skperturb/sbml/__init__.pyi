from ._reading.antimony import antimony_to_sbml as antimony_to_sbml
from ._solving.moieties import conservation_laws as conservation_laws
from ._solving.steady_state import SteadyState as SteadyState
from .archive_runs import run_archive as run_archive
from .control import (
    control_coefficients as control_coefficients,
    elasticities as elasticities,
    parameter_sensitivity as parameter_sensitivity,
)
from .extractor import JacobianExtractor as JacobianExtractor
from .intervention_transformer import InterventionTransformer as InterventionTransformer
from .interventions import Intervention as Intervention, perturb as perturb
from .model import KineticModel as KineticModel
from .parameter_sets import simulate_many as simulate_many, steady_states as steady_states
from .parameter_tables import read_conditions as read_conditions, read_parameters as read_parameters
from .screen import screen_models as screen_models
from .sensitivity import sensitivity_matrices as sensitivity_matrices, sensitivity_matrix as sensitivity_matrix
from .simulation_files import Simulation as Simulation, read_simulations as read_simulations
from .structure import NetworkStructure as NetworkStructure
from .time_course import time_course_sensitivity as time_course_sensitivity
