"""Which models describe the same publication, read from their annotations without an SBML library."""

import itertools
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO
from xml.etree import ElementTree

from skperturb.exceptions import InvalidModelError

__all__ = ["publication_groups", "read_publications"]

_DESCRIBED_BY = "{http://biomodels.net/model-qualifiers/}isDescribedBy"
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_PUBMED = re.compile(r"pubmed[/:](\d+)")
_DOI = re.compile(r"doi(?:\.org)?[/:](10\.\S+)")
_AUTHOR_YEAR = re.compile(r"\s*([^\W\d_][^\d_]*?)[\s_,()-]*((?:19|20)\d\d)(?!\d)")
# The article about the database itself, which the notes of most files link to.
_DATABASE_ARTICLES = {"pubmed:20587024", "pubmed:16381960"}


def read_publications(path: str | os.PathLike) -> tuple[str, list[str]]:
    """Read a model's name and what says which publication it comes from.

    Parameters
    ----------
    path : str or path-like
        An SBML file.

    Returns
    -------
    name : str
        The name of the model, else its id, else the file's stem.
    keys : list of str
        Publications as ``"pubmed:…"``, ``"doi:…"`` or the address itself, from the model's
        ``bqmodel:isDescribedBy``, or from the links of its notes where it has none; then, if the name
        begins with an author and a year, ``"Author2000"``. The list may be empty.

    Raises
    ------
    InvalidModelError
        If the file is not XML.
    """
    try:
        name, annotation, notes = _model_header(path)
    except ElementTree.ParseError as error:
        raise InvalidModelError(
            f"{path} is not SBML ({error}); delete it to download it again, or put an SBML file there."
        ) from error
    publications = [_publication_key(address) for address in annotation]
    if not publications:
        publications = [key for key in map(_publication_key, notes) if key.startswith(("pubmed:", "doi:"))]
        publications = [key for key in publications if key not in _DATABASE_ARTICLES][:1]
    match = _AUTHOR_YEAR.match(name)
    author_year = [re.sub(r"\W", "", match[1]) + match[2]] if match else []
    return name or Path(path).stem, publications + author_year


def publication_groups(keys: Sequence[Sequence[str]], ids: Sequence[str]) -> list[str]:
    """Group models that share a publication, directly or through another model.

    Parameters
    ----------
    keys : sequence of sequence of str
        For each model the keys that `read_publications` found.
    ids : sequence of str
        For each model its id, which names the group of a model without any key.

    Returns
    -------
    groups : list of str
        For each model the name of its group: the first key of the group's first model.
    """
    import networkx as nx

    links = nx.Graph()
    for identifier, found in zip(ids, keys, strict=True):
        links.add_node(("model", identifier))
        links.add_edges_from((("model", identifier), ("key", key)) for key in found)
    group_of: dict[str, int] = {}
    for number, component in enumerate(nx.connected_components(links)):
        group_of.update({value: number for kind, value in component if kind == "model"})
    label: dict[int, str] = {}
    for identifier, found in zip(ids, keys, strict=True):
        label.setdefault(group_of[identifier], next(itertools.chain(found, [identifier])))
    return [label[group_of[identifier]] for identifier in ids]


def _model_header(path: str | os.PathLike) -> tuple[str, list[str], list[str]]:
    """Read the name, the isDescribedBy addresses and the links of the notes; stop before the model's body."""
    # The parser itself would close the file only when it is collected.
    with Path(path).open("rb") as file:
        return _parse_header(file)


def _parse_header(file: BinaryIO) -> tuple[str, list[str], list[str]]:
    name, described_by, links = "", [], []
    open_tags: list[str] = []
    for event, element in ElementTree.iterparse(file, events=("start", "end")):
        tag = element.tag.rpartition("}")[2]
        if event == "start":
            open_tags.append(tag)
            if tag == "model":
                name = element.get("name") or element.get("id") or ""
            elif tag.startswith("listOf"):
                break
            continue
        open_tags.pop()
        if open_tags[-1:] != ["model"]:
            continue
        if tag == "notes":
            links = [link.get("href", "") for link in element.iter() if link.tag.endswith("}a")]
        elif tag == "annotation":
            described_by = [
                item.get(f"{_RDF}resource", "")
                for qualifier in element.iter(_DESCRIBED_BY)
                for item in qualifier.iter(f"{_RDF}li")
            ]
    return name, described_by, links


def _publication_key(address: str) -> str:
    for prefix, pattern in (("pubmed", _PUBMED), ("doi", _DOI)):
        match = pattern.search(address)
        if match:
            return f"{prefix}:{match[1].lower()}"
    return address
