"""The statistics of the report: of a small census, all of them; of any census, what must always hold."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import md5
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.types.mimes import MIMES
from report.metrics import Bars, Kind, Metric, metrics
from report.results import (
    PERCENTILES,
    Distribution,
    Distributions,
    Ratios,
    Shares,
    Table,
    Value,
    has_data,
)
from report.statistics import measure, prepare
from tests.report import worked_out
from tests.report.small_census import CENSUS, Rows, attach, attach_parts, content, digest, file, write_parts

pytestmark = pytest.mark.slow

METRICS = {metric.name: metric for metric in metrics()}


def measured(census: Mapping[str, Rows], names: Sequence[str] = tuple(METRICS)) -> dict[str, Value]:
    """The value of each metric."""
    with duckdb.connect() as connection:
        attach(connection, census)
        prepare(connection)
        return {name: measure(connection, METRICS[name]) for name in names}


@pytest.fixture(scope="module")
def small() -> dict[str, Value]:
    """All statistics of the small census."""
    return measured(CENSUS)


def rounded(value: Any) -> Any:
    """Numbers to nine digits behind the point, wherever they are in it."""
    if isinstance(value, float):
        return round(value, 9)
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    return value


def whole(value: Value) -> dict[str, Distribution]:
    """The distributions of all values, by series."""
    assert isinstance(value, Distributions)
    return {each.series: each for each in value.rows if each.subset == "all"}


def ratios(value: Value) -> dict[tuple[str, str], tuple[float, float]]:
    assert isinstance(value, Ratios)
    return {(row.series, row.label): (row.before, row.after) for row in value.rows}


def rows(value: Value) -> list[tuple[object, ...]]:
    assert isinstance(value, Table)
    return list(value.rows)


def counts(value: Value) -> dict[tuple[str, str], tuple[int, int | None]]:
    assert isinstance(value, Shares)
    return {(row.series, row.label): (row.count, row.size_bytes) for row in value.rows}


def test_every_metric_is_worked_out() -> None:
    """There is no metric that nobody has worked out by hand."""
    known = (worked_out.CURVES, worked_out.SHARES, worked_out.RATIOS, worked_out.TABLES)
    assert {name for each in known for name in each} == METRICS.keys()


@pytest.mark.parametrize("name", worked_out.CURVES)
def test_distributions_by_hand(small: dict[str, Value], name: str) -> None:
    """Each series has its values, and as many things without one."""
    found = whole(small[name])
    assert found.keys() == worked_out.CURVES[name].keys()
    for series, expected in worked_out.CURVES[name].items():
        each, n = found[series], expected[-1][1]
        assert each.n == n
        assert each.missing == worked_out.MISSING.get((name, series), 0)
        assert each.is_exact
        assert rounded(each.points) == rounded([(x, upto / n) for x, upto in expected])


@pytest.mark.parametrize("name", worked_out.SHARES)
def test_shares_by_hand(small: dict[str, Value], name: str) -> None:
    """Each class has its count and bytes."""
    assert counts(small[name]) == worked_out.SHARES[name]


@pytest.mark.parametrize("name", worked_out.RATIOS)
def test_ratios_by_hand(small: dict[str, Value], name: str) -> None:
    """Each saving has what is before and what is left."""
    found = ratios(small[name])
    assert found.keys() == worked_out.RATIOS[name].keys()
    for key, expected in worked_out.RATIOS[name].items():
        assert found[key] == pytest.approx(expected)


@pytest.mark.parametrize("name", worked_out.TABLES)
def test_tables_by_hand(small: dict[str, Value], name: str) -> None:
    """Each row is there, in its order but where two are equally frequent."""
    found = rows(small[name])
    key = str if name in {"top_layers", "top_contents"} else lambda _: 0
    assert rounded(sorted(found, key=key)) == rounded(sorted(worked_out.TABLES[name], key=key))


def test_official_and_other_by_hand(small: dict[str, Value]) -> None:
    """Layers of official images are apart: base and empty have 4 and 0 files, app and data 2 each."""
    value = small["layer_files"]
    assert isinstance(value, Distributions)
    found = {each.subset: each for each in value.rows}
    assert found["official"].points == ((0, 0.5), (4, 1))
    assert found["other"].points == ((2, 1),)
    assert found["all"].n == found["official"].n + found["other"].n


def test_a_summary_by_hand(small: dict[str, Value]) -> None:
    """0, 2, 2 and 4 files: percentiles are values that occur, of several modes the smallest counts."""
    files = whole(small["layer_files"])[""]
    assert (files.minimum, files.maximum, files.mean, files.mode, files.total) == (0, 4, 2, 2, 8)
    assert files.percentiles == {1: 0, 5: 0, 10: 0, 25: 0, 50: 2, 75: 2, 80: 4, 90: 4, 95: 4, 99: 4}
    assert (files.histogram.edges, files.histogram.counts) == ((0, 2, 4, 8), (1, 2, 1))
    assert whole(small["image_layers"])["distinct"].mode == 2


def test_nothing_is_no_data() -> None:
    """Of a census that has not begun there is no data, and no error."""
    assert [name for name, value in measured({}).items() if has_data(value)] == []


def test_only_empty_layers() -> None:
    """Of layers without entries there are sizes, and no files."""
    layers = [row for row in CENSUS["layers"] if row["is_empty"]]
    found = measured({"layers": layers})
    assert whole(found["layer_files"])[""].points == ((0, 1),)
    assert whole(found["layer_size"])["compressed"].points == ((32, 1),)
    assert not has_data(found["file_dedup"])
    assert not has_data(found["layer_redundancy"])
    assert not has_data(found["layer_references"])


def test_any_division_into_parts_gives_the_same(tmp_path: Path, small: dict[str, Value]) -> None:
    """In whatever order and in however many files rows are, every value is the same to the last bit."""
    random = Random(1)  # noqa: S311 - no secret
    parts: list[dict[str, list[Mapping[str, Any]]]] = [defaultdict(list) for _ in range(3)]
    for name, table in CENSUS.items():
        for row in random.sample(list(table), len(table)):
            random.choice(parts)[name].append(row)
    write_parts(tmp_path, parts)
    with duckdb.connect(config={"threads": 3}) as connection:
        attach_parts(connection, tmp_path)
        prepare(connection)
        again = {name: measure(connection, metric) for name, metric in METRICS.items()}
    assert again == small


def test_measuring_twice_gives_the_same(small: dict[str, Value]) -> None:
    """A database can be prepared again, as after its tables were brought up to date."""
    with duckdb.connect() as connection:
        attach(connection, CENSUS)
        prepare(connection)
        prepare(connection)
        assert measure(connection, METRICS["file_dedup"]) == small["file_dedup"]


# What the authors' programs counted twice.

_CODE = ("source", "c_cpp")


def _files_of_one_layer(*paths: str) -> dict[str, Rows]:
    layers = [{**row, "files": len(paths)} for row in CENSUS["layers"] if row["layer"] == digest("base")]
    return {"layers": layers, "files": [file("base", path, path, 100, _CODE) for path in paths]}


@pytest.mark.parametrize("paths", [("a/b/x",), ("a/y", "a/b/x"), ("x", "a/y")])
def test_each_file_counts_once(paths: tuple[str, ...]) -> None:
    """Files of leaf directories, beside them and in the root: each occurs once, and nothing is redundant."""
    found = measured(_files_of_one_layer(*paths), ("layer_files", "repeat_counts", "layer_redundancy"))
    assert whole(found["layer_files"])[""].points == ((len(paths), 1),)
    assert whole(found["repeat_counts"])[""].points == ((1, 1),)
    assert {each.maximum for each in whole(found["layer_redundancy"]).values()} == {0}


def _repeated(times: int) -> dict[str, Rows]:
    """Six contents that occur once, two twice and one three times; each row as often as ``times``."""
    occurrences = [1] * 6 + [2, 2, 3]
    files = [
        file("base", f"{number}/{copy}", str(number), 100, _CODE)
        for number, often in enumerate(occurrences)
        for copy in range(often * times)
    ]
    return {"layers": [row for row in CENSUS["layers"] if row["layer"] == digest("base")], "files": files}


@pytest.mark.parametrize(("times", "is_suspicious"), [(1, False), (2, True)])
def test_files_that_are_held_twice_are_noticed(times: int, is_suspicious: bool) -> None:  # noqa: FBT001
    """Repeat counts of 2, 4 and 6 that beat their odd neighbours are the mark of doubled profiles."""
    found = rows(measured(_repeated(times), ("double_counting",))["double_counting"])
    assert {row[-1] for row in found} == {is_suspicious}


# What must hold of any values.

_WEIGHTED = Metric(
    name="any",
    section="files",
    title="Any",
    paper="",
    number=0,
    figures=(),
    kind=Kind.DISTRIBUTION,
    series=(),
    unit="1",
    row="one value",
    definition="Any.",
    is_log=True,
    bars=None,
    note="",
    is_inflated=False,
    published={},
    curves={},
    sql="SELECT value, weight FROM any_values",
)
_BARS = Bars(0, 100, 10)


def _linear(metric: Metric) -> Metric:
    return replace(metric, bars=_BARS)


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def distribution(
    connection: duckdb.DuckDBPyConnection, metric: Metric, values: Mapping[float, int]
) -> Distribution:
    connection.execute("CREATE OR REPLACE TABLE any_values (value DOUBLE, weight BIGINT)")
    connection.execute(
        "INSERT INTO any_values SELECT unnest(?::DOUBLE[]), unnest(?::BIGINT[])",
        [list(values.keys()), list(values.values())],
    )
    return whole(measure(connection, metric))[""]


VALUES = st.dictionaries(st.integers(0, 10**6).map(float), st.integers(1, 50), min_size=1, max_size=30)


@given(values=VALUES)
def test_a_distribution_is_that_of_its_values(
    database: duckdb.DuckDBPyConnection, values: dict[float, int]
) -> None:
    """Points rise to 1, percentiles are the smallest values that enough others do not exceed."""
    found = distribution(database, _WEIGHTED, values)
    spread = sorted(value for value, weight in values.items() for _ in range(weight))
    n = len(spread)
    assert found.n == n
    assert found.points == tuple((x, sum(v <= x for v in spread) / n) for x in sorted(values))
    assert found.points[-1][1] == 1
    assert found.mean == pytest.approx(sum(spread) / n)
    assert found.percentiles == {p: spread[-(-p * n // 100) - 1] for p in PERCENTILES}
    assert max(share for x, share in found.points if x <= found.percentiles[50]) >= 0.5


@given(values=VALUES)
def test_bars_hold_every_value(database: duckdb.DuckDBPyConnection, values: dict[float, int]) -> None:
    """Whatever the bars are, each value is in one of them, below or beyond."""
    for metric in (_WEIGHTED, _linear(_WEIGHTED)):
        found = distribution(database, metric, values)
        bars = found.histogram
        assert sum(bars.counts) + bars.below + bars.beyond == found.n
        for place, count in enumerate(bars.counts):
            low, high = bars.edges[place], bars.edges[place + 1]
            assert count == sum(weight for value, weight in values.items() if low <= value < high)


def test_a_curve_of_many_values_is_bounded(database: duckdb.DuckDBPyConnection) -> None:
    """Of a million values there are a thousand points: of each part the largest, the smallest and F = 1."""
    database.execute(
        "CREATE OR REPLACE TABLE any_values AS SELECT range AS value, 1 AS weight FROM range(1000000)"
    )
    found = whole(measure(database, _WEIGHTED))[""]
    assert not found.is_exact
    assert len(found.points) <= 1002
    assert found.points[0] == (0, 1e-6)
    assert found.points[-1] == (999_999, 1)
    assert all(share == (x + 1) / 1e6 for x, share in found.points)
    steps = [after - before for (_, before), (_, after) in zip(found.points, found.points[1:], strict=False)]
    assert max(steps) <= 0.0021


def test_the_classes_of_a_whole_are_bounded(database: duckdb.DuckDBPyConnection) -> None:
    """Of more classes than anybody reads the first are kept; they are parts of all."""
    sql = "SELECT 'c' || range AS label, 1 AS count FROM range(40000)"
    value = measure(database, replace(_WEIGHTED, kind=Kind.SHARES, sql=sql))
    assert isinstance(value, Shares)
    assert len(value.rows) == 10_000
    assert {row.count_share for row in value.rows} == {1 / 40_000}


def test_published_types_are_ours() -> None:
    """Every type that the paper has a share of is one that a file can have, in the paper's group."""
    files = [
        file("base", f"{group} {name}", f"{group} {name}", 1, (str(group), name))
        for group, names in MIMES.items()
        for name in names
    ]
    layers = [row for row in CENSUS["layers"] if row["layer"] == digest("base")]
    found = measured({"layers": layers, "files": files}, ("file_types", "dedup_by_group"))
    published = {
        tuple(name.removesuffix(".bytes").split(".")) for name in METRICS["file_types"].published["S17"]
    }
    assert published <= counts(found["file_types"]).keys()
    groups = {("", name) for name in METRICS["dedup_by_group"].published["S18"]}
    assert groups <= ratios(found["dedup_by_group"]).keys()


# What must hold of any layers and images, found by brute force.


@dataclass(frozen=True)
class Corpus:
    """Layers as contents, by number; images as layers. A content of number c has c * 10 bytes."""

    layers: list[list[int]]
    images: list[set[int]]

    def census(self) -> dict[str, Rows]:
        base = next(row for row in CENSUS["layers"] if row["layer"] == digest("base"))
        image = next(row for row in CENSUS["distinct_images"] if row["manifest_digest"] == digest("one"))
        kinds = [("eol", "elf"), ("text", "ascii"), ("font", "woff"), ("image", "png")]
        return {
            "layers": [
                {**base, "layer": digest(f"layer {number}"), "files": len(each)}
                for number, each in enumerate(self.layers)
            ],
            "files": [
                file(f"layer {number}", str(place), str(what), what * 10, kinds[what % len(kinds)])
                for number, each in enumerate(self.layers)
                for place, what in enumerate(each)
            ],
            "distinct_images": [
                {**image, "manifest_digest": digest(f"image {number}")} for number in range(len(self.images))
            ],
            "image_layers": [
                {"manifest_digest": digest(f"image {number}"), "layer": digest(f"layer {layer}")}
                for number, each in enumerate(self.images)
                for layer in each
            ],
        }

    def of_images(self) -> list[list[int]]:
        """The files of each image, over its distinct layers."""
        return [[what for layer in sorted(each) for what in self.layers[layer]] for each in self.images]

    def repeats(self) -> Counter[int]:
        return Counter(what for each in self.layers for what in each)

    def sample(self, size: int) -> list[int]:
        """The files of the first layers by the MD5 of their digests."""
        names = [digest(f"layer {number}") for number in range(len(self.layers))]
        order = sorted(range(len(names)), key=lambda number: _md5(names[number]))
        return [what for number in order[:size] for what in self.layers[number]]


@st.composite
def corpora(draw: st.DrawFn) -> Corpus:
    layers = draw(st.lists(st.lists(st.integers(0, 8), max_size=5), min_size=1, max_size=6))
    numbers = st.sets(st.integers(0, len(layers) - 1), min_size=1, max_size=4)
    return Corpus(layers, draw(st.lists(numbers, max_size=4)))


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def _is_elsewhere(what: int, groups: Sequence[Sequence[int]], place: int) -> bool:
    return any(what in each for other, each in enumerate(groups) if other != place)


def _redundancy(corpus: Corpus, groups: Sequence[Sequence[int]]) -> dict[str, list[float]]:
    """By brute force, of groups of files: for each series the values, sorted."""
    found: dict[str, list[float]] = defaultdict(list)
    repeats = corpus.repeats()
    for place, each in enumerate(groups):
        parts = {
            "intra": _but_one(each),
            "inter_any": [what for what in each if repeats[what] > 1],
            "inter_strict": [what for what in each if _is_elsewhere(what, groups, place)],
        }
        for name, part in parts.items():
            if each:
                found[f"{name}_files"].append(len(part) / len(each))
            if sum(each):
                found[f"{name}_bytes"].append(sum(part) / sum(each))
    return {name: sorted(values) for name, values in found.items()}


def _but_one(each: Sequence[int]) -> list[int]:
    return list((Counter(each) - Counter(set(each))).elements())


def _values(each: Distribution) -> list[float]:
    before = 0.0
    found: list[float] = []
    for x, share in each.points:
        found += [x] * round((share - before) * each.n)
        before = share
    return found


_OF_FILES = (
    "layer_redundancy",
    "image_redundancy",
    "file_dedup",
    "dedup_growth",
    "dedup_by_group",
    "dedup_by_type",
    "file_groups",
    "file_types",
    "repeat_counts",
)


@settings(max_examples=25)
@given(corpus=corpora())
def test_what_is_said_of_files_is_true_of_any_corpus(corpus: Corpus) -> None:
    """Redundancy and deduplication are what brute force finds, and the groups add up to the whole."""
    found = measured(corpus.census(), _OF_FILES)
    for name, groups in (("layer_redundancy", corpus.layers), ("image_redundancy", corpus.of_images())):
        expected = _redundancy(corpus, groups)
        assert whole(found[name]).keys() == expected.keys()
        for series, each in whole(found[name]).items():
            assert rounded(_values(each)) == rounded(expected[series])
    _check_savings(corpus, found)
    _check_groups(corpus, found)


def _check_savings(corpus: Corpus, found: Mapping[str, Value]) -> None:
    repeats = corpus.repeats()
    if not repeats:
        assert not has_data(found["file_dedup"])
        return
    dedup = ratios(found["file_dedup"])
    assert dedup["", "files"] == (repeats.total(), len(repeats))
    assert dedup["", "bytes"] == (10 * sum(repeats.elements()), 10 * sum(repeats))
    for (series, layers), pair in ratios(found["dedup_growth"]).items():
        files = corpus.sample(int(layers))
        by_bytes = (10 * sum(files), 10 * sum(set(files)))
        assert pair == ((len(files), len(set(files))) if series == "files" else by_bytes)
    assert all(before >= after for name in _OF_FILES[2:6] for before, after in ratios(found[name]).values())


def _check_groups(corpus: Corpus, found: Mapping[str, Value]) -> None:
    total = corpus.repeats().total()
    size = 10 * sum(corpus.repeats().elements())
    for name in ("file_groups", "file_types"):
        value = found[name]
        assert isinstance(value, Shares)
        assert sum(row.count for row in value.rows) == total
        assert sum(row.size_bytes or 0 for row in value.rows) == size
        for series in {row.series for row in value.rows}:
            assert sum(row.count_share for row in value.rows if row.series == series) == pytest.approx(1)
    for name in ("dedup_by_group", "dedup_by_type"):
        assert sum(before for before, _ in ratios(found[name]).values()) == size


@pytest.mark.parametrize("name", ["download_outcome", "layer_outcome", "image_outcome", "repository_badges"])
def test_classes_add_up_to_everything(small: dict[str, Value], name: str) -> None:
    """Each thing has just one class."""
    whole_of = {"download_outcome": 6, "layer_outcome": 5, "image_outcome": 4, "repository_badges": 6}
    value = small[name]
    assert isinstance(value, Shares)
    assert sum(row.count for row in value.rows) == whole_of[name]
    assert sum(row.count_share for row in value.rows) == pytest.approx(1)


def test_names_that_differ_by_a_hyphen_are_two_repositories(small: dict[str, Value]) -> None:
    """``a/b-c`` and ``a-b/c`` each have their pulls."""
    found = {row[1]: row[2] for row in rows(small["top_repositories"])}
    assert (found["a/b-c"], found["a-b/c"]) == (30, 20)


def test_a_content_is_known_by_its_digest() -> None:
    """Two files of one name and size are two contents, one content under two names is one."""
    layers = [row for row in CENSUS["layers"] if row["layer"] in {digest("base"), digest("app")}]
    files = [
        file("base", "x", "one", 5, _CODE),
        file("app", "x", "another", 5, _CODE),
        file("app", "y", "one", 5, _CODE),
    ]
    assert content("one") != content("another")
    found = measured({"layers": layers, "files": files}, ("file_dedup",))
    assert ratios(found["file_dedup"])["", "files"] == (3, 2)
