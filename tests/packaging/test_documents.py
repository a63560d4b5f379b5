"""What is written beside the code holds."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from mmgsim.tables import TABLES

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path
    for path in [*ROOT.glob("*.md"), *ROOT.glob("*/**/*.md")]
    if not {".venv", "runs", ".git"} & set(path.relative_to(ROOT).parts)
)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_placeholder_is_left(document):
    assert "{{" not in document.read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(document):
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", text):
        assert (document.parent / target).exists(), target


def test_every_room_named_in_contributing_exists():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for name in re.findall(r"`((?:mmgsim|agents|scenarios|data|tests)/[\w/.]*)`", text):
        assert (ROOT / name).exists(), name


@pytest.fixture(scope="module")
def citation():
    return yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_citation_has_what_its_format_asks_for(citation):
    """Version 1.2.0 of the Citation File Format: required keys, and no others than it knows."""
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] == "software"
    assert {"message", "title", "authors"} <= set(citation)
    assert set(citation) <= {
        *("cff-version", "message", "title", "authors", "type", "abstract", "version", "license"),
        *("keywords", "date-released", "doi", "identifiers", "references", "preferred-citation"),
        *("contact", "commit", "url", "repository", "repository-code", "repository-artifact"),
        *("license-url",),
    }
    for key in ("message", "title", "abstract", "version", "license"):
        assert isinstance(citation[key], str), key  # a version like 0.1 would be a number
        assert citation[key]
    assert citation["authors"] == [{"name": "The mmgsim authors"}]
    assert len(set(citation["keywords"])) == len(citation["keywords"])


def test_versions_and_licences_agree(citation, project):
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"]
    assert (ROOT / "LICENSE").read_text("utf-8").startswith(f"{project['license']} License")
    assert f"## {project['version']} " in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_readme_names_every_table_of_a_run():
    text = (ROOT / "README.md").read_text("utf-8")
    told = re.search(r"Parquet\ntables of (.*?)\.\n", text, re.DOTALL)[1]
    assert set(re.findall(r"\w+", told)) - {"and"} == set(TABLES)


# ------------------------------------------------------------------------- figures told twice
FIGURE = re.compile(r"-?\d+(?:\.\d+)?")


def table_below(document, heading):
    """Give the figures of the first table below a heading, by row; None where a cell has none."""
    text = (ROOT / document).read_text("utf-8").split(heading, maxsplit=1)[1]
    rows = {}
    for line in re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)[0].splitlines():
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        found = [FIGURE.match(cell) for cell in cells]
        rows[name.strip("`")] = [float(figure[0]) if figure else None for figure in found]
    return rows


@pytest.fixture(scope="module")
def compared():
    return table_below("README.md", "All coordinations, each with its defaults:\n")


@pytest.fixture(scope="module")
def bills():
    return table_below("README.md", "## What trading is worth in wa9\n")


@pytest.mark.parametrize(("row", "column"), [("objective_cost", 0), ("all bills", 1)])
def test_both_tables_of_the_week_of_wa9_tell_the_same_costs(row, column, bills, compared):
    assert bills[row][:2] == [compared[kind][column] for kind in ("isolated", "prices")]


def test_bills_of_wa9_add_up(bills):
    own = [figures for name, figures in bills.items() if name.startswith("MG")]
    assert len(own) == 9
    for column in range(3):
        # Ten figures, each rounded to cents.
        apart = abs(sum(figures[column] for figures in own) - bills["all bills"][column])
        assert apart <= 10 * 0.005 + 1e-9


def test_gains_of_wa9_are_the_differences_of_its_bills(bills):
    rows = [figures for figures in bills.values() if None not in figures[:3]]
    assert len(rows) == 11
    for isolated, prices, gain, percent in rows:
        assert abs(isolated - prices - gain) <= 3 * 0.005 + 1e-9
        if percent is not None:
            # To a tenth of a percent, of amounts that are rounded themselves.
            assert abs(100.0 * gain / isolated - percent) <= 0.05 + 100.0 * 0.01 / isolated


def test_repair_of_wa9_tight_costs_the_same_wherever_it_is_told():
    of_scenario = table_below("scenarios/wa9-tight/README.md", "## What repair does over the week")
    coordinations = table_below("README.md", "The week of `wa9-tight`:\n")
    assert of_scenario["objective cost"][1] == coordinations["objective cost, AUD"][0]


def test_trading_in_wa9_is_worth_the_same_wherever_it_is_told(compared):
    by_share = table_below("scenarios/wa9/README.md", "## What trading is worth here")
    told = [compared[kind][0] for kind in ("isolated", "central")]
    assert by_share["0.5 (the scenario)"][:2] == told
