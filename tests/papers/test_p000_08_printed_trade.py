"""Property 8 of paper 000: (12c) as printed forbids all trade; mended it reaches the limit.

Both follow from the equations; nothing of the paper's data is needed.
"""

import pytest

from mmgsim.reproduce.paper_000_text import largest_trade_kw


def test_as_printed_no_pair_can_trade():
    assert largest_trade_kw(is_mended=False) == pytest.approx(0.0, abs=1e-6)


def test_with_the_sign_mended_a_pair_trades_up_to_its_limit():
    assert largest_trade_kw(is_mended=True) == pytest.approx(100.0)
