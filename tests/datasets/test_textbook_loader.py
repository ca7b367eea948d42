import re
import subprocess
import sys

import numpy as np
import pytest

from skperturb.datasets import load_textbook_models
from skperturb.datasets._textbook_loader import textbook_models

MODELS = load_textbook_models()
OSCILLATING = {"lotka_volterra", "selkov_glycolysis"}
# The slowest models run in seconds, the fastest in hours.
END_TIME = 1e6


def consistency_errors(sbml):
    import libsbml

    document = libsbml.readSBMLFromString(sbml)
    document.checkConsistency()
    errors = map(document.getError, range(document.getNumErrors()))
    return [error.getMessage() for error in errors if error.getSeverity() >= libsbml.LIBSBML_SEV_ERROR]


def run(roadrunner, sbml, end_time):
    """Simulate with an independent tool; return the relative rates of change at the end, and the state."""
    runner = roadrunner.RoadRunner(sbml)
    runner.integrator.relative_tolerance = 1e-10
    runner.integrator.absolute_tolerance = 1e-14
    runner.integrator.maximum_num_steps = 1_000_000
    runner.simulate(0, end_time, 2)
    state = np.array(runner.model.getFloatingSpeciesConcentrations())
    rates = np.array(runner.getRatesOfChange())
    scale = max(1e-3, float(np.max(np.abs(state))))
    return np.max(np.abs(rates)) / scale, state


def test_as_many_models_as_promised():
    assert len(MODELS.data) >= 22
    assert sum(n >= 10 for n in MODELS.n_species) >= 10
    assert {len(MODELS[key]) for key in ("data", "names", "references", "notes", "n_species")} == {len(MODELS.data)}


def test_names_are_unique_and_in_the_sbml():
    assert len(set(MODELS.names)) == len(MODELS.names)
    for name, sbml in zip(MODELS.names, MODELS.data, strict=True):
        assert f'id="{name}"' in sbml


def test_every_reference_has_author_and_year():
    for name, reference in zip(MODELS.names, MODELS.references, strict=True):
        assert re.match(r"[A-Z][\w' -]+, [A-Z]\.", reference), name
        assert re.search(r"\((19|20)\d\d\)\.?", reference), name
        assert reference in MODELS.DESCR


@pytest.mark.parametrize("sbml", MODELS.data, ids=MODELS.names)
def test_valid_for_libsbml(sbml):
    assert consistency_errors(sbml) == []


@pytest.mark.parametrize("index", range(len(MODELS.data)), ids=MODELS.names)
def test_n_species_counts_what_libsbml_counts(index):
    import libsbml

    model = libsbml.readSBMLFromString(MODELS.data[index]).getModel()
    floating = [s for s in model.getListOfSpecies() if not s.getBoundaryCondition()]
    assert len(floating) == MODELS.n_species[index]


@pytest.mark.parametrize("name", sorted(set(MODELS.names) - OSCILLATING))
def test_reaches_a_steady_state(name, roadrunner):
    rate, state = run(roadrunner, MODELS.data[MODELS.names.index(name)], END_TIME)
    assert rate < 1e-7
    assert np.all(state > -1e-9)


@pytest.mark.parametrize("name", sorted(OSCILLATING))
def test_the_oscillators_oscillate(name, roadrunner):
    rate, _ = run(roadrunner, MODELS.data[MODELS.names.index(name)], 1000.0)
    assert rate > 1e-3


# Where our constants keep a model from oscillating, the published ones must bring the rhythm back. Periods
# are those of the publications, in the model's own time unit (hours, minutes or seconds).
@pytest.mark.parametrize(
    ("name", "constants", "end_time", "period"),
    [
        ("mapk_cascade_kholodenko", {"V1": 2.5, "K_I": 9}, 20_000, (1_100, 1_500)),
        ("period_clock", {"v_d": 0.95}, 500, (23, 24.5)),
        ("period_timeless_clock", {"n": 4}, 500, (23.5, 24.7)),
        ("cell_cycle_tyson", {"k6": 1, "k8": 1e6, "k9": 1e3}, 1_000, (34, 37)),
        ("mitotic_cascade_goldbeter", {"K": 0.005}, 500, (24, 26)),
        ("cell_cycle_novak_tyson", {"k1": 1}, 1_500, (75, 85)),
        ("calcium_de_young_keizer", {"IP3": 0.5}, 300, (5, 20)),
    ],
)
def test_published_constants_give_the_published_rhythm(name, constants, end_time, period, roadrunner):
    runner = roadrunner.RoadRunner(MODELS.data[MODELS.names.index(name)])
    for constant, value in constants.items():
        runner[constant] = value
    runner.integrator.relative_tolerance = 1e-8
    result = np.array(runner.simulate(0, end_time, 2_001))[1_000:]
    time, states = result[:, 0], result[:, 1:]
    swing = np.ptp(states, axis=0) / (np.max(np.abs(states), axis=0) + 1e-9)
    signal = states[:, np.argmax(swing)]
    assert swing.max() > 0.5
    above = signal > signal.mean()
    crossings = time[1:][above[1:] & ~above[:-1]]
    assert period[0] < np.diff(crossings).mean() < period[1]


def test_flux_is_the_same_along_the_pathway(roadrunner):
    _, m = run(roadrunner, MODELS.data[MODELS.names.index("linear_pathway_feedback")], END_TIME)
    rates = [(2 + 0.3 * k) * (m[k - 1] - m[k] / 4) / (1 + m[k - 1] + m[k]) for k in range(1, 10)]
    flux = 1 / (1 + (m[9] / 1.5) ** 2)
    np.testing.assert_allclose([*rates, 1.5 * m[9] / (1 + m[9])], flux, rtol=1e-6)


def test_chemotaxis_adapts_perfectly(roadrunner):
    """Methylation acts on inactive and demethylation on active receptors: at rest, activity forgets the ligand."""
    runner = roadrunner.RoadRunner(MODELS.data[MODELS.names.index("bacterial_chemotaxis")])
    runner.integrator.relative_tolerance = 1e-10
    runner.integrator.absolute_tolerance = 1e-12
    rested, jolted = [], []
    for ligand in (0.1, 1.0, 10.0):
        runner["L"] = ligand
        runner.simulate(0, 1, 2)
        jolted.append(runner["active"])
        runner.simulate(0, 5000, 2)
        rested.append(runner["active"])
    np.testing.assert_allclose(rested, rested[0], rtol=1e-6)
    assert max(jolted) > 1.05 * min(jolted)
    # Methylation and demethylation balance over all levels.
    inactive = 5 - rested[-1]
    assert 0.5 * inactive / (0.3 + inactive) == pytest.approx(0.4 * runner["CheBp"] * rested[-1], rel=1e-6)


def test_stat_stays_in_the_nucleus_as_long_as_published(roadrunner):
    runner = roadrunner.RoadRunner(MODELS.data[MODELS.names.index("jak_stat_swameye")])
    runner.integrator.relative_tolerance = 1e-10
    runner.simulate(0, END_TIME, 2)
    delayed = sum(runner[f"delay{stage}"] for stage in range(1, 9))
    # Molecules on the way = flux x 6.4 minutes.
    assert delayed / (0.021 * runner["STAT"]) == pytest.approx(6.4, rel=1e-5)


def test_return_x_y():
    data, names = load_textbook_models(return_X_y=True)
    assert data == MODELS.data
    assert names == MODELS.names


def test_a_caller_cannot_change_the_cached_texts():
    load_textbook_models().data.clear()
    assert len(load_textbook_models().data) == len(textbook_models())


def test_same_text_in_every_process():
    code = (
        "import hashlib; from skperturb.datasets import load_textbook_models;"
        "print(hashlib.sha256(''.join(load_textbook_models().data).encode()).hexdigest())"
    )
    sums = {
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, env={"PYTHONHASHSEED": seed}, timeout=120
        ).stdout
        for seed in ("1", "2")
    }
    assert len(sums) == 1


def test_import_stays_light():
    code = "import sys, skperturb.datasets; print([m for m in ('libsbml', 'torch', 'pooch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[]"
