"""The page: what it says, that names stay text, and that whatever it links to is there."""

from __future__ import annotations

import csv
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from report.comma import write_csv
from report.exhibits.parts import published_shares
from report.numbers import binary, percent, published_quantity, quantity, short
from report.page.document import Document, Tile
from report.page.findings import finding, then
from report.page.render import render
from report.page.tiles import tiles
from report.page.writing import write_report
from report.results import Distributions, Ratio, Ratios, Share, Shares, Table
from tests.report.documents import HOSTILE, distribution, metric, results, shares


class Reader(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.identifiers: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id" and value:
                self.identifiers.append(value)
            if name in {"href", "src"} and value:
                self.addresses.append(value)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of a few metrics with hostile names."""
    return write_report(tmp_path_factory.mktemp("report"), results())


@pytest.fixture(scope="module")
def read(page: Path) -> Reader:
    reader = Reader()
    reader.feed(page.read_text())
    return reader


@pytest.mark.slow
def test_names_from_a_registry_make_no_elements(read: Reader) -> None:
    """There is one script, the page's own, and no image; a template in a name is not run."""
    assert read.tags.count("script") == 1
    assert "img" not in read.tags


@pytest.mark.slow
def test_a_template_in_a_name_is_not_run(page: Path) -> None:
    """``{{ 7*7 }}`` stays what it is."""
    text = page.read_text()
    assert "{{ 7*7 }}{% raw %}" in text
    assert "onerror=alert(1)&gt;" in text


@pytest.mark.slow
def test_every_link_leads_to_a_file_or_a_place_on_the_page(page: Path, read: Reader) -> None:
    """The page needs nothing but what lies beside it."""
    for address in read.addresses:
        if address.startswith("#"):
            assert address[1:] in read.identifiers
        elif address != "data:,":
            assert (page.parent / address).is_file()


@pytest.mark.slow
def test_every_drawing_has_four_files(page: Path, read: Reader) -> None:
    """CSV, SVG, PDF and PNG."""
    linked = {address for address in read.addresses if "layer_files-cdf" in address and "." in address}
    assert linked == {
        "csv/layer_files-cdf.csv",
        *(f"figures/layer_files-cdf.{end}" for end in ("svg", "pdf", "png")),
    }
    with (page.parent / "csv" / "layer_files-cdf.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    ours = [row for row in rows if row["subset"] == "all"]
    assert [float(row["share at or below x"]) for row in ours] == [0.25, 0.5, 0.75, 1.0]
    assert any(row["subset"] == "2017, draft curve (S18)" for row in rows)


@pytest.mark.slow
def test_identifiers_are_used_once(read: Reader) -> None:
    """Those within the drawings as well."""
    assert len(read.identifiers) == len(set(read.identifiers))


@pytest.mark.slow
def test_a_metric_without_data_says_so(page: Path) -> None:
    """In words, and in place of its figure."""
    text = page.read_text()
    assert "No data: nothing of this kind was profiled yet." in text
    assert ">no data<" in text


@pytest.mark.slow
def test_what_an_earlier_report_left_is_removed(tmp_path: Path) -> None:
    """Only figures and numbers that the page shows stay."""
    old = tmp_path / "figures" / "gone.svg"
    old.parent.mkdir()
    old.touch()
    write_report(tmp_path, results()[:1])
    assert not old.exists()
    assert (tmp_path / "csv" / "totals.csv").exists()


def test_the_page_answers_how_many_files_a_typical_layer_has() -> None:
    """And how many it had in 2017, next to it."""
    value = Distributions((distribution("", [0, 1, 2, 30]),))
    assert (
        finding(metric("layer_files"), value)
        == "A typical layer has 1\u00a0file; nine in ten have at most 30."
    )
    assert then(metric("layer_files"), value).startswith("In 2017: median 30, p90 7,410;")


def test_sizes_are_told_by_series() -> None:
    """Compressed and as a tar."""
    value = {each.name: value for each, value in results()}["layer_size"]
    assert finding(metric("layer_size"), value).startswith(
        "A typical layer is 1\u00a0KiB compressed and 4\u00a0KiB as a tar; nine in ten are at most 1\u00a0MiB"
    )


def test_shares_are_told_with_what_they_are_of() -> None:
    """The two most frequent classes; names of classes without underscores."""
    told = finding(metric("download_failures"), shares("no_latest", "auth"))
    assert told == "Of 6 repositories: 66.7\u202f% no latest and 33.3\u202f% auth."


@pytest.mark.parametrize(("count", "told"), [(1, "1 repository: auth."), (2, "All 2 repositories: auth.")])
def test_one_class_is_told_as_all(count: int, told: str) -> None:
    """And one thing of one class as one."""
    value = Shares((Share("", "auth", count, 1.0),))
    assert finding(metric("download_failures"), value) == told


def test_growth_is_told_at_its_end() -> None:
    """The ratio of the largest sample."""
    value = Ratios((Ratio("files", "1", 3, 3, 1.0), Ratio("files", "2000", 9, 6, 1.5)))
    assert finding(metric("dedup_growth"), value) == "Over all 2,000 layers the ratio is 1.5 by files."


@pytest.mark.parametrize(
    ("name", "columns", "rows", "told"),
    [
        (
            "images_created",
            ("month", "images", "median_cis_bytes"),
            (("2016-01", 3, 1), ("2017-02", 2, 1)),
            "From 2016-01 to 2017-02 there came to be 5 images.",
        ),
        (
            "images_created",
            ("month", "images", "median_cis_bytes"),
            (("2016-01", 1, 1),),
            "In 2016-01 there came to be 1 image.",
        ),
        (
            "repository_growth",
            ("month", "new_repositories", "repositories", "new_per_day"),
            (("2016-01", 3, 3, 0.1), ("2017-02", 2, 5, 0.1)),
            "From 2016-01 to 2017-02 there came to be 5 repositories.",
        ),
    ],
)
def test_what_came_to_be_is_that_of_all_months(
    name: str, columns: tuple[str, ...], rows: tuple[tuple[object, ...], ...], told: str
) -> None:
    """Not that of the last month alone."""
    assert finding(metric(name), Table(columns, rows)) == told


def test_nine_in_ten_is_true_where_most_values_are_the_largest() -> None:
    """No image exceeds 100 %."""
    value = Distributions((distribution("", [0.5, 1.0, 1.0, 1.0]),))
    assert finding(metric("image_efficiency"), value).endswith("nine in ten have at most 100\u202f%.")


def test_a_published_share_is_of_everything_published() -> None:
    """Also where this corpus lacks a class that was: 346,243 of 457,627 were downloaded."""
    old, none = published_shares(metric("download_outcome"), shares("downloaded", "pending").rows)
    assert old == pytest.approx(346_243 / 457_627)
    assert none is None


def test_analyzed_is_compared_with_analyzed() -> None:
    """Not with all that was fetched in 2017."""
    totals = Table(("name", "value", "unit"), (("images", 9, "images"), ("analyzed_images", 7, "images")))
    (tile,) = tiles({"totals": (metric("totals"), totals)})
    assert (tile.value, tile.then) == ("7", "2017: 319,620")


def test_no_sentence_is_made_of_nothing() -> None:
    """An empty distribution has a sentence that says so."""
    assert finding(metric("layer_files"), Distributions(())).startswith("No data")


def test_tiles_and_text_are_escaped() -> None:
    """Wherever a text comes from."""
    text = render(
        Document(HOSTILE[0], HOSTILE[1], (Tile(HOSTILE[0], HOSTILE[1], HOSTILE[2], HOSTILE[1]),), ())
    )
    assert "<script>document" not in text
    assert "<img" not in text
    assert not re.search(r'href="#">', text)


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (0, "B", "0\u00a0B"),
        (999, "B", "999\u00a0B"),
        (1023, "B", "0.999\u00a0KiB"),
        (999.6, "B", "0.976\u00a0KiB"),
        (999.6 * 2**10, "B", "0.976\u00a0MiB"),
        (999.7, "ratio", "1,000"),
        (1024, "B", "1\u00a0KiB"),
        (3.6 * 2**20, "B", "3.6\u00a0MiB"),
        (0.125, "share", "12.5\u202f%"),
        (0.00001, "share", "<\u202f0.1\u202f%"),
        (0.99999, "share", ">\u202f99.9\u202f%"),
        (1, "share", "100\u202f%"),
        (2.6, "ratio", "2.6"),
        (512930, "ratio", "512,930"),
        (7410, "files", "7,410"),
        (2200.4, "files", "2,200"),
        (9.75, "files", "9.75"),
        (None, "files", "\u2013"),
        (float("nan"), "files", "\u2013"),
    ],
)
def test_numbers_are_written_in_one_way(value: float | None, unit: str, written: str) -> None:
    """With units, separators of thousands, and no more digits than mean something."""
    assert quantity(value, unit) == written


def test_terabytes_of_the_paper_stay_terabytes() -> None:
    """Which of the two they are is not known."""
    assert published_quantity(47e12, "B") == "47\u00a0TB"
    assert published_quantity(4 * 2**20, "B") == "4\u00a0MiB"


@given(st.integers(0, 2**62))
def test_sizes_are_short_and_close(size: int) -> None:
    """Three digits and a unit, within half a percent."""
    number, unit = binary(size).split("\u00a0")
    factor = 1024 ** ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"].index(unit)
    assert abs(float(number) * factor - size) <= 0.005 * size
    assert len(number) <= 5


@given(st.floats(0, 1))
def test_only_nothing_is_zero_and_only_all_is_a_hundred_percent(share: float) -> None:
    """What little there is can be told from nothing."""
    assert (percent(share) == "0\u202f%") == (share == 0)
    assert (percent(share) == "100\u202f%") == (share == 1)


def test_ticks_are_short() -> None:
    """A thousand is 1 k."""
    assert [short(each) for each in (1, 10, 2500, 3e6)] == ["1", "10", "2.5\u202fk", "3\u202fM"]
    assert short(999.6) == "1000"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_name_is_no_formula_in_a_spreadsheet(tmp_path: Path, start: str) -> None:
    """An apostrophe stands before it; numbers stay numbers."""
    path = tmp_path / "numbers.csv"
    write_csv(path, ("name", "n"), [(f"{start}1", -1)])
    with path.open(newline="") as file:
        assert list(csv.reader(file)) == [["name", "n"], [f"'{start}1", "-1"]]
