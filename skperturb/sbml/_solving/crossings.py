"""The first time within a step at which an argument of a condition leaves its level.

An argument that ends a stretch of time on another level has crossed in between. One that ends it where it began may
have crossed twice: its rate, known exactly, says whether there was time to, and where it turns back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from skperturb.sbml._compiling.switches import UNDEFINED, Conditions

__all__ = ["Look", "Watch"]

# An argument is quiet over a stretch if at twice its rate at either end it could not reach a bound of its level. The
# rate between is that of a polynomial which the integrator resolves: it varies by less than twice unless the argument
# turns, and then it is small. At ten times more every stretch would be halved again and again.
_SAFETY = 2.0
# A stretch that is not quiet is halved at most so often: a 64th of it is beyond the resolution of any integrator's
# polynomial.
_HALVINGS = 6
# The middle of a stretch agrees with the cubic through its ends to this part of the distance from the bound: then the
# cubic says whether the argument turns back in time.
_AGREES = 0.1
# The cubic's turning point may come as near to the bound as this part of the nearer end; nearer, the turn is located.
_MARGIN = 0.3
# Steps to locate a turning point; it is a double root, where more digits than half of them do not exist.
_TURN_STEPS = 40
# Arguments that are not linear in the state and time may turn anywhere: so many looks in a step unless their
# curvature rules it out, or more where the caller asks for a density. Without states no step resolves anything.
_LOOKS = 8
_LOOKS_WITHOUT_STATES = 200
_MOST_LOOKS = 10_000
# From so many looks on they are taken on arrays.
_MANY = 12
# Regula falsi converges in three or four steps where an argument is smooth; every eighth is a bisection, for those that
# jump. A step is close to the root if its error, by the slope, is less than this part of the bracket; then the other
# side is looked at twice that error, or a few roundings, beyond it, and eight times as many if that was not enough.
_BISECT_EVERY = 8
_CLOSE = 1e-3
_FARTHER = 8.0
_MOST_ITERATIONS = 1_000  # a guard only: the bisections alone end within 8 * 64


@dataclass(slots=True)
class Look:
    """What the arguments are at a time."""

    time: float
    values: list[float]
    rates: list[float]
    levels: list[float]
    curvatures: list[float]


class Watch:
    """Looks at the arguments of conditions along a solution.

    Parameters
    ----------
    conditions : Conditions
        Whose arguments.
    evaluate : callable
        Returns the values of all arguments at a time and a state, their rates and the curvatures, as one list.
    along : callable
        The same at times and states (columns), as a list of arrays.
    count : int
        Number of arguments.
    curved : sequence of int
        The arguments that are not linear in the state and time, in the order of their curvatures.
    gap : float
        Largest distance of two looks at arguments that are not linear.
    """

    def __init__(
        self,
        conditions: Conditions,
        evaluate: Callable[[float, np.ndarray], list[float]],
        along: Callable[[np.ndarray, np.ndarray], list],
        count: int,
        curved: Sequence[int],
        gap: float,
    ) -> None:
        self._conditions, self._evaluate, self._along, self._gap = conditions, evaluate, along, gap
        self._count, self._curved = count, list(curved)
        self._parts: dict[int, np.ndarray] = {}

    def look(self, time: float, state: np.ndarray) -> Look:
        """Return what the arguments are at a state."""
        numbers = self._evaluate(time, state)
        values, rates = numbers[: self._count], numbers[self._count : 2 * self._count]
        return Look(time, values, rates, self._conditions.levels(values), numbers[2 * self._count :])

    def first(self, solution: Callable, start: Look, end: float, n_states: int) -> tuple[Look, bool]:
        """Return the first look up to `end` at which a level differs from those of `start`, and whether there is one.

        No other floating-point time lies between it and one at which all levels were those of `start`. Without a
        crossing the look at `end` is returned.
        """
        self._at = lambda time: self.look(time, solution(time))
        if self._curved and n_states and end - start.time <= self._gap:
            after = self._at(end)
            if self._is_surely_quiet(start, after):
                return after, False
        times = self._times(start.time, end, n_states)
        if len(times) > _MANY:
            return self._first_of_many(solution, start, times)
        before = start
        for time in times:
            after = self._at(time)
            found = self._crossed(before, after, start.levels)
            if found is not None:
                return self._earliest(start.levels, *found), True
            before = after
        return before, False

    def _times(self, start: float, end: float, n_states: int) -> list[float]:
        if not self._curved:
            return [end]
        least = _LOOKS if n_states else _LOOKS_WITHOUT_STATES
        count = int(min(max(least, math.ceil((end - start) / self._gap)), _MOST_LOOKS))
        if count not in self._parts:
            self._parts[count] = np.arange(1, count) / count
        return [*(start + (end - start) * self._parts[count]).tolist(), end]

    def _first_of_many(self, solution: Callable, start: Look, times: list[float]) -> tuple[Look, bool]:
        moments = np.array([start.time, *times])
        numbers = [np.broadcast_to(row, moments.shape) for row in self._along(moments, solution(moments))]
        values, rates = np.array(numbers[: self._count]), np.array(numbers[self._count : 2 * self._count])
        suspicious = self._suspicious(moments, values, rates, start.levels)
        suspicious[-1] = True  # where the next stretch starts the scalar code decides, as it will there
        before = start
        for index in np.flatnonzero(suspicious):
            if index:
                before = self._at(float(moments[index]))
            if before.levels != start.levels:
                return self._earliest(start.levels, start, before), True
            after = self._at(float(moments[index + 1]))
            found = self._crossed(before, after, start.levels)
            if found is not None:
                return self._earliest(start.levels, *found), True
            before = after
        return before, False

    def _suspicious(self, times: np.ndarray, values: np.ndarray, rates: np.ndarray, known: list[float]) -> np.ndarray:
        """Mark the stretches between the times over which some argument is not surely quiet."""
        levels = self._conditions.levels_along(values)
        expected = np.array(known)[:, None]
        same = (levels == expected) | (np.isnan(levels) & np.isnan(expected))
        bounds = np.array([self._conditions.bounds(k, level) for k, level in enumerate(known)]).reshape(-1, 2)
        with np.errstate(invalid="ignore"):
            room = np.minimum(np.abs(values - bounds[:, :1]), np.abs(values - bounds[:, 1:]))
            least = np.minimum(room[:, :-1], room[:, 1:])
            fastest = np.maximum(np.abs(rates[:, :-1]), np.abs(rates[:, 1:]))
            quiet = (least > _SAFETY * np.diff(times) * fastest) | np.isnan(expected)
        resting = (expected == 0.0) & (room[:, :-1] == 0.0) & (room[:, 1:] == 0.0)
        return ~((quiet | resting) & same[:, 1:]).all(axis=0)

    # -- stretches ------------------------------------------------------------------------------------
    def _crossed(self, before: Look, after: Look, known: list[float]) -> tuple[Look, Look] | None:
        """Return two looks between which a level has changed, the first with all levels known; None if none has."""
        if after.levels != known:
            # Another argument may have crossed and come back before: it is looked for up to the first change only.
            return before, after
        for index, level in enumerate(known):
            if self._is_quiet(index, level, before, after) or _is_monotone(index, before, after):
                continue
            found = self._turned(index, level, before, after, known, _HALVINGS)
            if found is not None:
                return found
        return None

    def _is_quiet(self, index: int, level: float, before: Look, after: Look) -> bool:
        low, high = self._conditions.bounds(index, level)
        if low == high or level is UNDEFINED:
            return True
        first, last = before.values[index], after.values[index]
        room = min(first - low, high - first, last - low, high - last)
        fastest = max(abs(before.rates[index]), abs(after.rates[index]))
        return room > _SAFETY * (after.time - before.time) * fastest

    def _is_surely_quiet(self, before: Look, after: Look) -> bool:
        """Say whether no argument could leave its level by its rate, nor a curved one by its curvature.

        An oscillation within the stretch may show the same value and no rate at both ends, but a curvature.
        """
        if after.levels != before.levels:
            return False
        span = after.time - before.time
        for index, level in enumerate(before.levels):
            if not self._is_quiet(index, level, before, after):
                return False
        for position, index in enumerate(self._curved):
            low, high = self._conditions.bounds(index, before.levels[index])
            room = min(
                min(look.values[index] - low, high - look.values[index])
                - span * (abs(look.rates[index]) + span * abs(look.curvatures[position]))
                for look in (before, after)
            )
            if not room > 0.0:
                return False
        return True

    def _turned(
        self, index: int, level: float, before: Look, after: Look, known: list[float], halvings: int
    ) -> tuple[Look, Look] | None:
        """Look for an argument that leaves its level and returns within a stretch."""
        middle_time = 0.5 * (before.time + after.time)
        if not before.time < middle_time < after.time:
            return None
        middle = self._at(middle_time)
        if middle.levels != known:
            return before, middle
        for first, last in ((before, middle), (middle, after)):
            if self._is_quiet(index, level, first, last) or self._cubic_stays(index, level, before, middle, after):
                continue
            found = self._at_turn(index, level, first, last, known)
            if found is None and halvings:
                found = self._turned(index, level, first, last, known, halvings - 1)
            if found is not None:
                return found
        return None

    def _cubic_stays(self, index: int, level: float, before: Look, middle: Look, after: Look) -> bool:
        """Say whether the cubic through the ends holds in the middle and keeps away from the bounds."""
        span = after.time - before.time
        first, last, here = before.values[index], after.values[index], middle.values[index]
        slope, end_slope = before.rates[index], after.rates[index]
        cubic = 0.5 * (first + last) + 0.125 * span * (slope - end_slope)
        bounds = self._conditions.bounds(index, level)
        room = min(abs(here - bound) for bound in bounds if math.isfinite(bound))
        if not abs(cubic - here) <= _AGREES * room:
            return False
        nearest = min(min(abs(first - bound), abs(last - bound)) for bound in bounds if math.isfinite(bound))
        for part in _turning_points(first, last, span * slope, span * end_slope):
            value = _cubic(first, last, span * slope, span * end_slope, part)
            if not bounds[0] + _MARGIN * nearest < value < bounds[1] - _MARGIN * nearest:
                return False
        return True

    def _at_turn(
        self, index: int, level: float, first: Look, last: Look, known: list[float]
    ) -> tuple[Look, Look] | None:
        """Follow an argument to where it turns within a stretch, and see whether it has left its level there."""
        start, rate, end_rate = first, first.rates[index], last.rates[index]
        if not rate * end_rate < 0.0:
            return None
        falling = rate < 0.0
        bound = self._conditions.bounds(index, level)[0 if falling else 1]
        if not math.isfinite(bound):
            return None
        for _ in range(_TURN_STEPS):
            time = 0.5 * (first.time + last.time)
            if not first.time < time < last.time:
                break
            middle = self._at(time)
            if middle.levels != known:
                return start, middle
            if (middle.rates[index] < 0.0) == falling:
                first = middle
            else:
                last = middle
            room = min(abs(first.values[index] - bound), abs(last.values[index] - bound))
            fastest = max(abs(first.rates[index]), abs(last.rates[index]))
            if room > _SAFETY * (last.time - first.time) * fastest:
                break
        return None

    # -- roots ----------------------------------------------------------------------------------------
    def _earliest(self, known: list[float], before: Look, after: Look) -> Look:
        """Return the first look at which a level differs, next to one at which none does."""
        start = before
        while True:
            index = next(k for k, level in enumerate(known) if not _same(after, k, level))
            last, after = self._locate(index, known[index], before, after)
            if last.levels != known:
                after = last
                continue
            # Another argument may have crossed and come back before the one that was located.
            found = self._crossed(start, last, known) if last is not start else None
            if found is None:
                return after
            before, after = found

    def _locate(self, index: int, level: float, before: Look, after: Look) -> tuple[Look, Look]:
        """Return the looks at the two neighboring floating-point times between which one level changes.

        Regula falsi (Illinois), and bisection where that is slow. Each time that a step lands close to the root it is
        looked at beyond the root as well, so that the bracket closes from both sides.
        """
        low, high = self._conditions.bounds(index, level)
        bound = high if after.values[index] >= high else low
        distances = [before.values[index] - bound, after.values[index] - bound]
        reach, last_side = 1.0, 0
        # What rests at equality leaves it at once, as a rule.
        probe = math.nextafter(before.time, math.inf) if low == high else None
        for iteration in range(_MOST_ITERATIONS):
            begin, end = before.time, after.time
            if math.nextafter(begin, end) >= end:
                break
            slope = (distances[1] - distances[0]) / (end - begin)
            time = begin - distances[0] / slope if slope else math.nan
            if probe is not None:
                time = probe
            elif iteration % _BISECT_EVERY == _BISECT_EVERY - 1:
                time = 0.5 * (begin + end)
            time = _inside(time, begin, end)
            here = self._at(time)
            side = 0 if _same(here, index, level) else 1
            distances[side] = here.values[index] - bound
            before, after = (here, after) if side == 0 else (before, here)
            if side == last_side:
                distances[1 - side] *= 0.5
            last_side = side
            error = abs(distances[side] / slope) if slope else math.inf
            if probe is None and error < _CLOSE * (end - begin):
                beyond = max(2.0 * error, reach * math.ulp(time))
                probe, reach = time + (beyond if side == 0 else -beyond), _FARTHER * reach
            else:
                probe = None
        return before, after


def _inside(time: float, begin: float, end: float) -> float:
    """Return the time if it lies inside an interval, else a time that does."""
    if begin < time < end:
        return time
    middle = 0.5 * (begin + end)
    return middle if begin < middle < end else math.nextafter(begin, end)


def _is_monotone(index: int, before: Look, after: Look) -> bool:
    """Say whether the cubic through two looks has no turning point (Fritsch and Carlson's condition)."""
    slope = (after.values[index] - before.values[index]) / (after.time - before.time)
    first, last = before.rates[index], after.rates[index]
    return 0.0 < first * slope < 3.0 * slope * slope and 0.0 < last * slope < 3.0 * slope * slope


def _same(look: Look, index: int, level: float) -> bool:
    return look.levels[index] is level or look.levels[index] == level


def _cubic(first: float, last: float, slope: float, end_slope: float, part: float) -> float:
    """Return the cubic Hermite polynomial on the unit interval."""
    rest = 1.0 - part
    return rest * rest * ((1.0 + 2.0 * part) * first + part * slope) + part * part * (
        (3.0 - 2.0 * part) * last - rest * end_slope
    )


def _turning_points(first: float, last: float, slope: float, end_slope: float) -> list[float]:
    """Return where in the unit interval the derivative of the cubic vanishes."""
    a = 3.0 * (2.0 * (first - last) + slope + end_slope)
    b = 2.0 * (3.0 * (last - first) - 2.0 * slope - end_slope)
    discriminant = b * b - 4.0 * a * slope
    if not discriminant >= 0.0:
        return []
    # Without cancellation, also where the cubic is nearly a parabola.
    q = -0.5 * (b + math.copysign(math.sqrt(discriminant), b))
    parts = [q / a] if a else []
    parts += [slope / q] if q else []
    return [part for part in parts if 0.0 < part < 1.0]
