"""Whether a built file may be written is looked at before the work that makes it."""

import pytest

from skperturb.datasets import build_ecoli_interactions, build_gene_graph, build_gene_terms, build_screen

BUILDERS = {
    "responses/norman2019_pc50.tsv.gz": lambda source, **options: build_screen("norman2019", source, **options),
    "responses/gene_graph_edges.tsv.gz": lambda source, **options: build_gene_graph({"own": source}, **options),
    "responses/gene_go_terms.tsv.gz": build_gene_terms,
    "interactions/ecoli_operons.tsv": lambda source, **options: build_ecoli_interactions(*[source] * 5, **options),
}


@pytest.mark.parametrize("file", BUILDERS)
def test_target_is_checked_before_the_sources_are_read(file, tmp_path):
    source = tmp_path / "source.txt"
    source.write_bytes(b"\xff of no layout")
    home = tmp_path / "home"
    home.joinpath(file).parent.mkdir(parents=True)
    home.joinpath(file).write_text("mine")
    with pytest.raises(ValueError, match="is there already; pass overwrite=True"):
        BUILDERS[file](source, data_home=home)
    with pytest.raises(TypeError, match="overwrite is a int 1"):
        BUILDERS[file](source, data_home=home, overwrite=1)
    with pytest.raises(NotADirectoryError, match=r"source\.txt is no folder"):
        BUILDERS[file](source, data_home=source)
    with pytest.raises(TypeError, match="data_home is a int"):
        BUILDERS[file](source, data_home=3)
    assert home.joinpath(file).read_text() == "mine"
