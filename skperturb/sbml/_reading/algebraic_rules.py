"""Algebraic rules of a file: which symbol each of them determines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import libsbml

from skperturb.exceptions import UnsupportedModelError

__all__ = ["AlgebraicRule", "match_unknowns", "names_in"]


class AlgebraicRule:
    """A formula that is to be zero, and how messages name it."""

    def __init__(self, tree: Any, index: int, meta_id: str) -> None:
        formula = (libsbml.formulaToL3String(tree) or "no formula")[:80]
        name = f" {meta_id!r}" if meta_id else f" {index}"
        self.tree = tree
        self.where = f"algebraic rule{name} (0 = {formula})"


def match_unknowns(
    rules: Sequence[AlgebraicRule], candidates: Mapping[str, Any], formulas: Mapping[str, Any]
) -> dict[str, AlgebraicRule]:
    """Assign to each algebraic rule a symbol that nothing else determines.

    Parameters
    ----------
    rules : sequence of AlgebraicRule
        The rules.
    candidates : mapping of str to rank
        Symbols that may vary and that no other rule and no reaction determines; those of lower rank are taken
        first.
    formulas : mapping of str to libsbml.ASTNode
        Assignment rules and kinetic laws, through which a rule may depend on a symbol.

    Raises
    ------
    UnsupportedModelError
        If a rule is left without a symbol, or if two choices are equally good.
    """
    options: dict[str, list[int]] = {name: [] for name in candidates}
    for index, rule in enumerate(rules):
        for name in names_in(rule.tree, formulas) & candidates.keys():
            options[name].append(index)
    owner: dict[int, str] = {}
    for name in sorted(candidates, key=lambda name: candidates[name]):
        _augment(name, options, owner, set())
    for index, rule in enumerate(rules):
        if index not in owner:
            raise UnsupportedModelError(
                f"{rule.where} determines no symbol of its own; expected one that may vary and is set by no other "
                "rule and changed by no reaction"
            )
    _refuse_ambiguity(rules, candidates, options, owner)
    return {owner[index]: rule for index, rule in enumerate(rules)}


def _augment(name: str, options: dict[str, list[int]], owner: dict[int, str], seen: set[int]) -> bool:
    for index in options[name]:
        if index not in seen:
            seen.add(index)
            if index not in owner or _augment(owner[index], options, owner, seen):
                owner[index] = name
                return True
    return False


def _refuse_ambiguity(
    rules: Sequence[AlgebraicRule], candidates: Mapping[str, Any], options: dict, owner: dict[int, str]
) -> None:
    for name in candidates.keys() - set(owner.values()):
        stack, seen = [name], {name}
        while stack:
            for index in options[stack.pop()]:
                other = owner[index]
                if candidates[other] == candidates[name]:
                    first, second = sorted((name, other))
                    raise UnsupportedModelError(
                        f"{rules[index].where} may determine {first!r} or {second!r}, both of which nothing else "
                        "changes; declare one of them constant (in Level 1, which cannot, leave out its value for the "
                        "one that the rule determines)"
                    )
                if other not in seen:
                    seen.add(other)
                    stack.append(other)


def names_in(tree: Any, formulas: Mapping[str, Any] | None = None) -> set[str]:
    """Return the names in a formula, also those in the formulas of these names."""
    formulas = formulas or {}
    found: set[str] = set()
    stack = [tree]
    while stack:
        node = stack.pop()
        if node.getType() == libsbml.AST_NAME and node.getName() not in found:
            found.add(node.getName())
            if formulas.get(node.getName()) is not None:
                stack.append(formulas[node.getName()])
        stack.extend(node.getChild(index) for index in range(node.getNumChildren()))
    return found
