"""What messages say, as a log keeps it."""

import json

import numpy as np
import pytest

from mmgsim.contracts import Round, payload_bytes, plain_content


@pytest.mark.parametrize("upper", [2.5, np.float32(2.5), np.float64(2.5), np.array([2.5])[0]])
def test_numbers_of_any_kind_are_plain_and_count_alike(upper):
    assert json.dumps(plain_content(Round(upper, None, np.int64(0)))) == (
        '{"upper": 2.5, "lower": null, "residual_kw": 0}'
    )
    assert payload_bytes(upper) == 8
