"""Delayed expressions as parameters: what an integrator that knows the past evaluates and puts into the equations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from skperturb.sbml._compiling.compiled_events import CompiledEvent
from skperturb.sbml._compiling.switches import jumps
from skperturb.sbml._graph.code_generation import ArrayEvaluator
from skperturb.sbml._graph.expression import HAS_STATE, HAS_TIME

__all__ = ["Delay", "find_delays", "with_delays_as_parameters"]


@dataclass(frozen=True)
class Delay:
    """A delayed expression: nodes of what is delayed and of how long, and the parameters that stand for its value.

    Where the expression or the lag holds other delayed expressions, it is in terms of their parameters; these
    delays come before it and their positions are in `inner`.
    """

    node: int
    expression: int
    lag: int
    inner: tuple[int, ...] = ()
    parameter: int = -1
    rate_parameter: int = -1
    has_constant_lag: bool = True


def find_delays(system: Any) -> tuple[Delay, ...]:
    """Return the delayed expressions in anything that a trajectory evaluates."""
    graph = system.graph
    nodes = [node for node in graph.reachable(_roots(system)) if graph.operation[node] == "delay"]
    return tuple(Delay(node, *graph.operands[node]) for node in nodes)


def _roots(system: Any) -> list[int]:
    roots = [*system.rhs, *system.fluxes, *system.symbols.values(), *(volume for _, volume in system.diluted)]
    for event in system.events:
        roots += [event.trigger, *(node for node in (event.delay, event.priority) if node is not None)]
        for item in event.assignments:
            roots += [item.value, *([item.volume] if item.volume is not None else [])]
    return roots


def with_delays_as_parameters(model: Any) -> Any:
    """Return the model in which each delayed expression and its rate of change are parameters; itself without delays.

    Their first values are those of the initial state, at which everything has been before.
    """
    system = getattr(model, "_system", None)
    if system is None or not system.graph.has_delays:
        return model
    # Anew, since the equations may have been rewritten.
    found = find_delays(system)
    if not found:
        return model
    graph = system.graph
    first = len(system.parameter_values)
    count = len(found)
    new = {delay.node: graph.parameter(first + k) for k, delay in enumerate(found)}
    position = {parameter: k for k, parameter in enumerate(new.values())}
    delays = []
    for k, delay in enumerate(found):
        before = dict(list(new.items())[:k])
        expression, lag = graph.rewritten([delay.expression, delay.lag], before)
        inner = tuple(position[node] for node in graph.reachable([expression, lag]) if node in position)
        constant = not graph.flags[lag] & (HAS_STATE | HAS_TIME) and not inner
        delays.append(Delay(delay.node, expression, lag, inner, first + k, first + count + k, constant))
    rewrite = _Rewriter(graph, new)
    rhs = rewrite.all(system.rhs)
    values = ArrayEvaluator(graph, [delay.expression for delay in found])(0.0, model.x0, system.parameter_values)
    # Jumps of what is delayed are located too: a lag later they are jumps of the equations.
    return model._with(
        replace(
            system,
            rhs=rhs,
            fluxes=rewrite.all(system.fluxes),
            symbols=dict(zip(system.symbols, rewrite.all(list(system.symbols.values())), strict=True)),
            rates=dict(zip(system.rates, rewrite.all(list(system.rates.values())), strict=True)),
            events=tuple(rewrite.event(event) for event in system.events),
            diluted=tuple((index, rewrite(volume)) for index, volume in system.diluted),
            switches=jumps(graph, [*rhs, *(delay.expression for delay in delays)], new.values()),
            parameter_names=[*system.parameter_names, *(f"delay {k}" for k in range(2 * count))],
            parameter_values=[*system.parameter_values, *map(float, values), *[0.0] * count],
            delays=tuple(delays),
        )
    )


class _Rewriter:
    def __init__(self, graph: Any, new: dict[int, int]) -> None:
        self._graph, self._new = graph, new

    def __call__(self, node: int) -> int:
        return self.all([node])[0]

    def all(self, nodes: Sequence[int]) -> list[int]:
        return self._graph.rewritten(nodes, self._new)

    def event(self, event: CompiledEvent) -> CompiledEvent:
        assignments = tuple(
            replace(item, value=self(item.value), volume=None if item.volume is None else self(item.volume))
            for item in event.assignments
        )
        return replace(
            event,
            trigger=self(event.trigger),
            delay=None if event.delay is None else self(event.delay),
            priority=None if event.priority is None else self(event.priority),
            assignments=assignments,
        )
