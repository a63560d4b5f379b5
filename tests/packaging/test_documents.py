"""What is written beside the code holds."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

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
