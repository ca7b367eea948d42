"""Events per second of processor time, beside libRoadRunner where it is installed.

Run with ``python benchmarks/bench_events.py``; a number scales the length of the runs.
"""

import sys
import time
import warnings

import libsbml

from skperturb.sbml import KineticModel

CORE = "http://www.sbml.org/sbml/level3/version2/core"


def math_of(formula):
    """Return MathML."""
    return libsbml.writeMathMLToString(libsbml.parseL3Formula(formula)).split("?>", 1)[1]


def model(values, rates, events):
    """Return SBML of parameters under rate rules; an event is its trigger, its delay or "", and what it sets."""
    listed = "".join(f'<parameter id="{k}" value="{v}" constant="false"/>' for k, v in values.items())
    rules = "".join(f'<rateRule variable="{k}">{math_of(v)}</rateRule>' for k, v in rates.items())
    fired = ""
    for k, (trigger, delay, assigned) in enumerate(events):
        late = f"<delay>{math_of(delay)}</delay>" if delay else ""
        targets = "".join(
            f'<eventAssignment variable="{n}">{math_of(f)}</eventAssignment>' for n, f in assigned.items()
        )
        fired += (
            f'<event id="e{k}" useValuesFromTriggerTime="true"><trigger initialValue="true" persistent="true">'
            f"{math_of(trigger)}</trigger><priority>{math_of(str(k))}</priority>{late}"
            f"<listOfEventAssignments>{targets}</listOfEventAssignments></event>"
        )
    return (
        f'<sbml xmlns="{CORE}" level="3" version="2"><model id="m"><listOfParameters>{listed}</listOfParameters>'
        f"<listOfRules>{rules}</listOfRules><listOfEvents>{fired}</listOfEvents></model></sbml>"
    )


# name -> text, number of events in a unit of time, time, symbol that counts the events
MODELS = {
    "clock reset at 1": (model({"x": 0, "n": 0}, {"x": "1"}, [("x >= 1", "", {"x": "0", "n": "n + 1"})]), 5_000),
    "repeated dose, decay": (
        model(
            {"x": 0, "n": 0, "A": 0},
            {"x": "1", "A": "-A"},
            [("x >= 1", "", {"x": "0", "A": "A + 1", "n": "n + 1"})],
        ),
        2_000,
    ),
    "threshold of a decay": (
        model({"A": 1, "n": 0}, {"A": "-A"}, [("A < 0.5", "", {"A": "A + 1", "n": "n + 1"})]),
        2_000,
    ),
    "oscillator, both zeros": (
        model(
            {"x": 0, "y": 1, "n": 0},
            {"x": "3 * y", "y": "-3 * x"},
            [("x > 0.1", "", {"n": "n + 1"}), ("x < -0.1", "", {"n": "n + 1"})],
        ),
        1_000,
    ),
    "delayed by 0.3": (
        model({"x": 0, "n": 0}, {"x": "1"}, [("x >= 1", "", {"x": "0"}), ("x >= 0.2", "0.3", {"n": "n + 1"})]),
        1_000,
    ),
    "ten at once, by priority": (
        model(
            {"x": 0, "n": 0},
            {"x": "1"},
            [("x >= 1", "", {"n": "n + 1"})] * 9 + [("x >= 1", "", {"x": "0", "n": "n + 1"})],
        ),
        300,
    ),
}


def ours(text, end):
    """Return seconds and the count at the end."""
    made = KineticModel.from_sbml(text)
    made.simulate([0.5])
    start = time.process_time()
    count = made.simulate([end])["n"].iloc[-1]
    return time.process_time() - start, count


def peer(text, end):
    """Return the same for libRoadRunner; None where it is not installed."""
    try:
        import roadrunner
    except ImportError:
        return None
    roadrunner.Logger.setLevel(roadrunner.Logger.LOG_FATAL)
    made = roadrunner.RoadRunner(text)
    made.timeCourseSelections = ["time", "n"]
    made.integrator.relative_tolerance, made.integrator.absolute_tolerance = 1e-8, 1e-12
    made.integrator.maximum_num_steps = 100_000_000
    start = time.process_time()
    count = made.simulate(0, end, 2)[-1][1]
    return time.process_time() - start, count


def main():
    """Print a table."""
    warnings.simplefilter("ignore")
    scale = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    print(f"{'model':28} {'events':>8} {'seconds':>8} {'per s':>8} | libRoadRunner: events, seconds, per s")
    for name, (text, end) in MODELS.items():
        seconds, count = ours(text, scale * end + 0.95)
        line = f"{name:28} {count:8.0f} {seconds:8.2f} {count / seconds:8.0f} |"
        other = peer(text, scale * end + 0.95)
        if other is not None:
            line += f" {other[1]:8.0f} {other[0]:8.2f} {other[1] / other[0]:8.0f}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
