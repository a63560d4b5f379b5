"""The framework of claims: verdicts, files, what the command line prints."""

import json
import re

import pandas as pd
import pytest

import mmgsim
from mmgsim.errors import InputError
from mmgsim.reproduce import (
    HEAD,
    PAPERS,
    SIGNS,
    Claim,
    Paper,
    Reproduction,
    Verdict,
    claim_rows,
    reasons,
    running,
)
from mmgsim.reproduce.claims import agrees, by_sign, by_theorem, has_reading

CLAIMS = (
    Claim("1", "a sum", 3.0, 3.0, "AUD", Verdict.REPRODUCED, "added up", "Table I"),
    Claim("2", "an <effect>", -1.5, 2.25, "%", Verdict.OTHER_SIGN, "a substitute", "section V"),
    Claim("3", "a proof", None, 0.0, "kW", Verdict.THEOREM, "one line", "(3g)"),
    Claim("4", "a price", 7.0, None, "AUD", Verdict.NOT_REPRODUCIBLE, "no data", "Fig. 3"),
)
TOY = Paper("toy", "A paper of four claims", lambda settings: list(CLAIMS), ("A note.",))


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setattr(running, "PAPERS", {"toy": TOY})


@pytest.mark.parametrize(
    ("printed", "found", "rounding", "verdict"),
    [
        (365084.0, 365083.95, 0.5, Verdict.REPRODUCED),
        (23728.7, 23728.65, 0.05, Verdict.REPRODUCED),  # exactly between two printed values
        (23728.7, 23728.64, 0.05, Verdict.NOT_REPRODUCIBLE),
    ],
)
def test_a_number_is_reproduced_within_its_own_rounding(printed, found, rounding, verdict):
    assert agrees(printed, found, rounding=rounding) is verdict


@pytest.mark.parametrize(
    ("printed", "found", "noise", "verdict"),
    [
        (6.5, 0.1, 0.0, Verdict.SAME_SIGN),
        (6.5, -0.1, 0.0, Verdict.OTHER_SIGN),
        (-150.0, -177.0, 1.0, Verdict.SAME_SIGN),
        (-150.0, -0.5, 1.0, Verdict.NO_EFFECT),  # within the noise an effect has no sign
        (6.5, 0.0, 0.0, Verdict.NO_EFFECT),
    ],
)
def test_an_effect_has_the_sign_of_the_claim_or_not(printed, found, noise, verdict):
    assert by_sign(printed, found, noise=noise) is verdict


def test_words_hold_or_not():
    assert has_reading(True) is Verdict.HOLDS
    assert has_reading(False) is Verdict.FAILS


def test_verdicts_are_these_words():
    words = ["reproduced", "same sign", "other sign", "holds", "does not hold", "no effect"]
    words += ["not reproducible", "theorem", "theorem broken", "no verdict"]
    assert [str(verdict) for verdict in Verdict] == words


def test_claims_as_texts_have_two_digits_or_none():
    rows = claim_rows(CLAIMS)
    assert [row[2:4] for row in rows] == [("3", "3"), ("-1.50", "2.25"), ("-", "0"), ("7", "-")]
    assert {len(row) for row in rows} == {len(HEAD)}


@pytest.mark.parametrize(
    ("printed", "found", "texts"),
    [
        (34.451, 34.449, ("34.451", "34.449")),
        (0.1 + 0.2, 0.3, ("0.30", "0.30")),  # rounding of doubles is no difference
        (5.0, 5.0000001, ("5", "5.00")),
    ],
)
def test_two_numbers_that_differ_do_not_look_the_same(printed, found, texts):
    claim = Claim("1", "", printed, found, "USD", Verdict.NOT_REPRODUCIBLE, "", "")
    assert claim_rows([claim])[0][2:4] == texts


def test_all_three_files_hold_every_claim(tmp_path):
    found = Reproduction(TOY, CLAIMS, False, tmp_path / "o")
    found.write()
    table = pd.read_csv(tmp_path / "o/claims.csv", dtype={"number": str})
    assert list(table.verdict) == [str(claim.verdict) for claim in CLAIMS]
    assert table.printed.isna().tolist() == [False, False, True, False]
    content = json.loads((tmp_path / "o/claims.json").read_text())
    assert content["claims"][1]["found"] == 2.25
    assert content["claims"][2]["printed"] is None
    assert content["notes"] == [
        "4 claims: 1 reproduced, 1 other sign, 1 not reproducible, 1 theorem.",
        SIGNS,
        "A note.",
    ]
    page = (tmp_path / "o/claims.html").read_text(encoding="utf-8")
    assert "an &lt;effect&gt;" in page
    assert not re.search(r"https?://", page)
    assert not re.search(r"<(?:script|link|img)", page)


def test_reasons_are_told_once_and_of_what_is_not_borne_out():
    again = Claim("5", "more", 1.0, None, "AUD", Verdict.NOT_REPRODUCIBLE, "no data", "Fig. 4")
    assert reasons([*CLAIMS, again]) == ["2: a substitute.", "3: one line.", "4, 5: no data."]


def test_a_quick_reproduction_says_so(tmp_path):
    notes = Reproduction(TOY, CLAIMS, True, tmp_path).notes
    assert "fewer days" in notes[1]


def test_an_unknown_paper_is_refused_with_those_there_are(tmp_path):
    with pytest.raises(InputError, match=r"'0000': is no paper of mmgsim; did you mean '000'"):
        mmgsim.reproduce("0000", out=tmp_path / "o")
    assert not (tmp_path / "o").exists()


def test_papers_are_known_by_their_own_number():
    assert all(number == paper.number for number, paper in PAPERS.items())


# ------------------------------------------------------------------------------ command line
def test_reproduce_prints_every_claim_and_where_the_page_is(toy, mmgsim, tmp_path):
    code, printed, messages = mmgsim("reproduce", "toy", "--out", "o")
    assert (code, messages) == (0, "")
    for part in (
        "A paper of four claims",
        "other sign",
        "claims: o/claims.html",
        "A note.",
        "4: no data.",
    ):
        assert part in printed
    sums = "4 claims: 1 reproduced, 1 other sign"
    assert printed.index(sums) < printed.index("A paper of four claims") < printed.rindex(sums)
    assert "Same sign: " in printed
    left = sorted(path.name for path in (tmp_path / "o").iterdir())
    assert left == ["claims.csv", "claims.html", "claims.json"]


def test_reproduce_in_json_prints_what_it_writes_alone(toy, mmgsim, tmp_path):
    code, printed, messages = mmgsim("reproduce", "toy", "--out", "o", "--json")
    assert (code, messages) == (0, "")
    content = json.loads(printed)
    assert content.pop("results") == "o"
    assert content == json.loads((tmp_path / "o/claims.json").read_text())


def test_reproduce_refuses_an_unknown_paper_and_a_folder_in_use(toy, mmgsim, tmp_path):
    code, printed, messages = mmgsim("reproduce", "tyo", "--out", "o")
    assert (code, printed) == (2, "")
    assert "did you mean 'toy'?" in messages
    (tmp_path / "o").mkdir()
    (tmp_path / "o/kept").touch()
    assert mmgsim("reproduce", "toy", "--out", "o")[0] == 2


def test_a_theorem_that_the_numbers_contradict_is_told_as_broken():
    assert by_theorem(0.5, noise=0.1) is Verdict.THEOREM
    assert by_theorem(-0.05, noise=0.1) is Verdict.THEOREM
    assert by_theorem(-0.5, noise=0.1) is Verdict.BROKEN
