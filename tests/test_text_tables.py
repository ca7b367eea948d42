"""Files of text become cells, or an error that names the file."""

import gzip
import zipfile

import numpy as np
import pytest

import skperturb._text_tables as text_tables
from skperturb._text_tables import as_numbers, heads_names, means_number, named_rows, read_cells, read_text


def test_texts_of_spreadsheets_and_of_old_programs(tmp_path):
    path = tmp_path / "a.csv"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252"):
        path.write_bytes("Ärz,µ\r\nb,c\r".encode(encoding))
        assert read_text(path) == "Ärz,µ\nb,c\n"
    # Compressed, whatever it is called.
    path.write_bytes(gzip.compress(b"a,b\n"))
    assert read_text(path) == "a,b\n"
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.csv", "a,b\n")
        archive.writestr("__MACOSX/._a.csv", "\0")
    assert read_text(tmp_path / "a.zip") == "a,b\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04\0\0", "is no text"),
        ("a,b\n".encode("utf-16-le"), "is no text"),
        (b"a,b\n" * 2000 + b"\0", "is no text"),
        (b"\n <!doctype HTML><p>", "is HTML"),
        (b"<?xml version='1.0'?>", "is XML"),
        (b"%PDF-1.4", "is PDF"),
        (b'{"a": 1}', "is JSON"),
        (gzip.compress(b"a,b\n" * 100, mtime=0)[:24], "no whole file of its kind"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path, content, message):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(ValueError, match=rf"a\.csv.*{message}"):
        read_text(tmp_path / "a.csv")


def test_a_folder_and_a_bomb_are_refused(tmp_path, monkeypatch):
    with pytest.raises(IsADirectoryError, match="is a folder"):
        read_text(tmp_path)
    monkeypatch.setattr(text_tables, "_MOST_BYTES", 2**20)
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(bytes(2**22)))
    with pytest.raises(ValueError, match="larger than 1 MiB when unpacked"):
        read_text(tmp_path / "bomb.gz")


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("# note\n\ng\tx\n\n A \t1\n", [["g", "x"], ["A", "1"]]),
        ("# note\n#gene\tx\nA\t1\n#B\t2\n", [["gene", "x"], ["A", "1"]]),
        ("#gene\told\ngene\tx\nA\t1\n", [["gene", "x"], ["A", "1"]]),
        ("#gene x\nA 1\n", [["A", "1"]]),
        ("g,x,\nA,1,\n", [["g", "x"], ["A", "1"]]),
        ('"g, first";x\n"A; B";"say ""no"""\n', [["g, first", "x"], ["A; B", 'say "no"']]),
        ("g;x\nA;0,5\nB;-1\n", [["g", "x"], ["A", "0.5"], ["B", "-1"]]),
        # Not a number in every row: names.
        ("g;x\n1,2;a\nb;c\n", [["g", "x"], ["1,2", "a"], ["b", "c"]]),
        ('g,x\n"A" , 5"\nB,"C"  \n', [["g", "x"], ["A", '5"'], ["B", "C"]]),
        ("g x\nA 1\n", [["g", "x"], ["A", "1"]]),
        ("NA,nan\nTRUE,007\n", [["NA", "nan"], ["TRUE", "007"]]),
    ],
)
def test_cells(tmp_path, text, rows):
    (tmp_path / "a.txt").write_text(text)
    assert read_cells(tmp_path / "a.txt").frame.to_numpy().tolist() == rows


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("g,x\n\nA,1\nB\n", "1 columns in line 4, 2 in those before"),
        ('g,x\na,"b\nc,"d\n', "a quote in line 2 that is not closed"),
        ('g;x\n"A;"b;c"\n', "a quote in line 2 that is not closed there, or has text behind it"),
        ("g 0,5\nA 1,5\nB 2,5\n", "decimal commas between blanks"),
        ("# only\n", "is empty"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, text, message):
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(ValueError, match=rf"a\.txt.*{message}"):
        read_cells(tmp_path / "a.txt")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("g\nA\n", "has one column"),
        ("g,x\n", "has one line"),
        ("A,1,2\nB,3,4\n", "begins with 'A' and 2 numbers"),
        # The header of R lacks its first cell; a row that lost one looks alike.
        ("A,2\nB,3,4\n", "begins with 'A' and 1 numbers"),
        ("g,x,x\nA,1,2\n", "the column 'x' twice"),
        ("g,,x\nA,1,2\n", "a column without a name, number 1"),
        ("g,x\nA,1\ng,x\nB,2\n", "its first line again in row 2"),
        ("g,x\nA,1\nnan,2\n", r"lacks a name in row 1 \(line 3: 'nan'\)"),
        (",g,x\n0,A,1\n1,B,2\n", "counts its rows in the first column"),
        ("g,x\nA,1\nA,2\n", "'A' twice"),
    ],
)
def test_what_names_no_rows_is_refused(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ValueError, match=rf"a\.csv.*{message}"):
        named_rows(read_cells(tmp_path / "a.csv", short_header=True))


@pytest.mark.parametrize("text", ["g;x;y\nA;0,5;1.234\n", "g;x\nA;0,5\nB;1.5\n"])
def test_commas_beside_points_are_no_numbers(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    table = named_rows(read_cells(tmp_path / "a.csv"))
    with pytest.raises(ValueError, match=r"has '0,5' in row 'A', column 'x'.* where no number has a point"):
        as_numbers(table, tmp_path / "a.csv")


def test_columns_that_count_are_named_so(tmp_path):
    (tmp_path / "a.csv").write_text("token,0,1,2\nA,.5,.5,1\n")
    assert named_rows(read_cells(tmp_path / "a.csv")).columns.tolist() == ["0", "1", "2"]
    (tmp_path / "a.csv").write_text("A,0,1,4\nB,.5,.5,1\n")
    with pytest.raises(ValueError, match="begins with 'A' and 3 numbers"):
        named_rows(read_cells(tmp_path / "a.csv"))


def test_the_header_of_r_and_the_numbers_below(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('"s1","s2"\n"A",1,2e3\n"B",,-.5\n')
    table = named_rows(read_cells(path, short_header=True))
    values = as_numbers(table, path, missing=True)
    np.testing.assert_array_equal(values.to_numpy(), [[1, 2000], [np.nan, -0.5]])
    assert values.index.tolist() == ["A", "B"]
    with pytest.raises(ValueError, match=r"a\.csv has '' in row 'B', column 's1'; expected finite numbers"):
        as_numbers(table, path)
    path.write_text("gene,s1\nA,1\nB,３\n", encoding="utf-8")
    with pytest.raises(ValueError, match="has '３' in row 'B', column 's1'"):
        as_numbers(named_rows(read_cells(path)), path)


def test_words_and_numbers():
    assert all(map(heads_names, ["", "gene", "Gene ID", "ensembl_gene_id", "hgnc_symbol", "Unnamed: 0"]))
    assert not any(map(heads_names, ["TP53", "C9orf72", "GO:0002020", "s1", "0.5"]))
    assert all(map(means_number, ["1", "-0,5", "<0.1", "5 %", "1_000", "inf", "1'000.5"]))
    assert not any(map(means_number, ["", "TP53", "NA", "pp", "INF2"]))


@pytest.mark.parametrize("separator", ["\t", ",", ";", " "])
def test_columns_of_numbers_are_the_same_when_read_at_once(tmp_path, separator):
    path = tmp_path / "a.txt"
    odd = ["0012", "1e5", "+.5", " 2 ", '"3"', "1_0", "inf", "nan", "", "0x1A", "３", "1e400", "0,5", "TRUE", "1 2"]

    def read(texts):
        try:
            table = named_rows(read_cells(path, short_header=True, texts=texts), repeated=True)
            return as_numbers(table.drop(columns="line", errors="ignore"), path, missing=True).to_csv()
        except ValueError as error:
            return str(error)

    n_at_once = 0
    for k, value in enumerate([*odd, *["2"] * 4]):
        header = ["gene", "s1", "line", "s2", "s3"] if k % 2 else ['"s1"', '"line"', '"s2"', '"s3"']
        rows = [header, ['"A"', "1", "01", "-2.5", "1e-3"], ["B", "3", "x", value, "7"], ["A", "0.1", "", "5", "6"]]
        if separator in value:
            continue
        rows = [[cell or "NA" for cell in row] if separator == " " else row for row in rows]
        path.write_text("\n".join(separator.join(row) for row in rows) + "\n", encoding="utf-8")
        assert read(["line"]) == read(None)
        n_at_once += read_cells(path, short_header=True, texts=["line"]).further is not None
    # Blanks are read as texts.
    assert n_at_once > 6 or separator == " "


def test_numbers_of_genes_in_the_header_of_r(tmp_path):
    path = tmp_path / "a.tsv"
    # What write.table writes: only names have quotes.
    path.write_text('"7157"\t"672"\n"s1"\t.5\t1\n"s2"\t2\t3\n')
    table = as_numbers(named_rows(read_cells(path, short_header=True, texts=())), path)
    assert table.to_dict("index") == {"s1": {"7157": 0.5, "672": 1.0}, "s2": {"7157": 2.0, "672": 3.0}}
    path.write_text("7157\t672\ns1\t.5\t1\n")
    with pytest.raises(ValueError, match=r"begins with '7157' and 1 numbers.*col\.names=NA of R\), or quotes around"):
        named_rows(read_cells(path, short_header=True))
    path.write_text("s1\ts2\n7157\t.5\t1\n672\t.5\t1\n")
    assert named_rows(read_cells(path, short_header=True)).index.tolist() == ["7157", "672"]
    with pytest.raises(ValueError, match=r"3 columns in line 2, 2 in those before.*row\.names=FALSE"):
        read_cells(path)
