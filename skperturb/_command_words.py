"""What commands say of names: options in place of parameters, and near names in place of unknown ones."""

import argparse
import re
from collections.abc import Iterable

from ._near_names import listed, nearest

__all__ = ["refuse_unknown", "with_options"]

# Advice to pass genes, which only 'labels' can follow; with the words around it.
_GENES = r"(?:the gene names as )?genes=\[\.\.\.\]"
_FIRST_ADVICE = re.compile(rf"(?<=ass ){_GENES}(?: if [^.,;]*)?, or (?:another )?")
_FURTHER_ADVICE = re.compile(rf",? (?:or )?(?:pass )?{_GENES}(?: if [^.,;]*)?")


def refuse_unknown(option: str, names: Iterable[str], known: Iterable[str], what: str) -> None:
    """Refuse names behind an option of which nothing is known.

    Parameters
    ----------
    option : str
        As it is written, "--gene".
    names : iterable of str
        What the user wrote.
    known : iterable of str
    what : str
        What the known names are, "genes of edges.csv".

    Raises
    ------
    ValueError
        Names the first one and those that are like it.
    """
    known = sorted(set(known))
    for name in names:
        if name not in known:
            raise ValueError(
                f"{option} names {name!r}{nearest(name, known)}, none of the {len(known)} {what}: {listed(known)}."
            )


def with_options(message: str, arguments: argparse.Namespace) -> str:
    """Name the options of the command in place of the parameters of the functions behind it.

    Parameters
    ----------
    message : str
    arguments : Namespace
        Of the command.

    Returns
    -------
    str
    """
    names = {name: name for name in vars(arguments)}
    names |= {inner: name for inner, name in (("covariates", "contexts"), ("n_jobs", "jobs")) if name in arguments}
    # The genes of 'score' are a choice, no names.
    if "genes" in names and not isinstance(arguments.genes, str):
        message = message.replace("genes=[...]", "--genes GENE …")
    else:
        message = _FURTHER_ADVICE.sub("", _FIRST_ADVICE.sub("", message))
    for name, option in names.items():
        written = f"--{option.replace('_', '-')}"
        # A raw text of Python, r"g\\d+", is written without its r in a shell.
        value = r"(?:r(?=['\"])|(?=['\"\[\d-]))"
        message = re.sub(rf"(?<![(\w]){name}={value}", f"{written} ", message)
        message = re.sub(rf"(?<![(\w]){name}=(?=\s|[.,;]|$)", written, message)
        message = re.sub(rf"(?:^|(?<=Error: )){name} (?=names )", f"{written} ", message)
    return _of_single_words(message, names).replace("describe_labels shows them", "'skperturb labels' shows them")


def _of_single_words(message: str, names: Iterable[str]) -> str:
    """Name options in place of what stands for a parameter without its value."""
    for word in {"guide_suffix", "guide_prefix"}.intersection(names):
        message = re.sub(rf"(?:(?<=ass )|(?<=or )){word}\b(?!=)", f"--{word.replace('_', '-')}", message)
    if "sep" in names:
        message = re.sub(r"(?<=separator in )sep\b|(?<=another )sep\b", "--sep", message)
    # Of 'perturb', which makes an Intervention of each change.
    change = re.compile(r"^(?:interventions\[\d+\]\.(\w+)|Intervention\((\w+)=\.\.\.\)|(times)(?=\[| must))")
    message = change.sub(lambda found: f"--{next(filter(None, found.groups())).replace('_', '-')}", message)
    if "groupby" in names:
        message = re.sub(r"(?:^|(?<=Error: ))column is (?=')", "--groupby is ", message)
    return re.sub(r"^ids\[\d+\] = ", "--models ", message)
