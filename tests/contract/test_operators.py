"""Every operator that comes with mmgsim keeps its contract, and the suite catches those that
do not."""

from dataclasses import replace
from itertools import count

import pytest

from mmgsim.contracts import ACCEPTED, Accepted, GrantQuery, Grants, Request, frozen
from mmgsim.errors import ContractError
from mmgsim.scenario import BUILT_IN, Kind, find_class
from mmgsim.testing import (
    check_operator,
    operator_faults,
    reviewed_view,
    sample_operator_view,
    sample_plans,
)
from mmgsim_agents.operators.standard import StandardOperator


@pytest.mark.parametrize("name", BUILT_IN[Kind.OPERATOR])
def test_registered_operator_keeps_its_contract(name):
    check_operator(find_class(Kind.OPERATOR, name))


def test_sample_feeders_are_tight_enough_to_be_cut_and_reviewed():
    is_cut, is_reviewed = [], []
    for seed in range(4):
        view = sample_operator_view(seed)
        operator = StandardOperator(least_share=0.0)
        whole = StandardOperator(least_share=1.0)
        (_, cut), (_, envelopes) = operator.publish(view), whole.publish(view)
        is_cut.append(scaled_sum(cut) < scaled_sum(envelopes) - 1.0)
        bound = replace(view, envelopes=envelopes)
        verdict = whole.review(reviewed_view(bound, plans := sample_plans(bound, seed)), plans)
        is_reviewed.append(not isinstance(verdict, Accepted))
    assert is_cut == is_reviewed == [False, True, True, True]


def scaled_sum(envelopes):
    return sum(e.import_limit_kw.sum() + e.export_limit_kw.sum() for e in envelopes.values())


def scaled(envelopes, share):
    return {
        name: replace(
            envelope,
            import_limit_kw=frozen(share * envelope.import_limit_kw),
            export_limit_kw=frozen(share * envelope.export_limit_kw),
        )
        for name, envelope in envelopes.items()
    }


# ---------------------------------------------------------------------------------- faulty ones
class Negative(StandardOperator):
    def publish(self, view):
        tariff, envelopes = super().publish(view)
        return tariff, scaled(envelopes, -1.0)


class BeyondTheConnection(StandardOperator):
    def publish(self, view):
        tariff, envelopes = super().publish(view)
        return tariff, scaled(envelopes, 3.0)


class ForgetsSomebody(StandardOperator):
    def publish(self, view):
        tariff, envelopes = super().publish(view)
        return tariff, {name: e for name, e in envelopes.items() if name != "MG1"}


class ShortTariff(StandardOperator):
    def publish(self, view):
        tariff, envelopes = super().publish(view)
        return tariff.now(), envelopes


class AloneWithEnvelopes(StandardOperator):
    def publish(self, view):
        return super().publish(view)[1]


class Loosens(StandardOperator):
    def publish(self, view):
        tariff, envelopes = super().publish(view)
        return tariff, scaled(envelopes, 0.5)

    def review(self, view, plans):
        return scaled(view.envelopes, 1.01)


class SaysYes(StandardOperator):
    def review(self, view, plans):
        return True


class ShrinksUnannounced(StandardOperator):
    reviews = False

    def review(self, view, plans):
        return scaled(view.envelopes, 0.5)


class Tires(StandardOperator):
    """Gives less every time."""

    def __init__(self):
        super().__init__()
        self.asked = count()

    def publish(self, view):
        tariff, envelopes = super().publish(view)
        return tariff, scaled(envelopes, 0.9 ** next(self.asked))


class Trips(StandardOperator):
    def review(self, view, plans):
        return plans["MG9"]


class ForgetsToSayReviews(StandardOperator):
    reviews = "yes"


class Grants90(StandardOperator):
    """Grants nine tenths of everything."""

    share = 0.9

    def answer(self, view, message):
        if not isinstance(message, GrantQuery):
            return super().answer(view, message)
        return Grants(
            grants={
                name: Request(
                    lack_kw=self.share * request.lack_kw, surplus_kw=self.share * request.surplus_kw
                )
                for name, request in message.requests.items()
            }
        )


class GrantsTooMuch(Grants90):
    share = 1.1


class GrantsNobody(StandardOperator):
    def answer(self, view, message):
        return Grants(grants={})


@pytest.mark.parametrize(
    ("operator", "fault"),
    [
        (Negative, "world 0, publish: import_limit_kw of MG1 is negative.*holds zero exchange"),
        (BeyondTheConnection, "world 0, publish: .* its connection carries"),
        (ForgetsSomebody, "world 0, publish: no envelope for MG1"),
        (ShortTariff, "world 0, publish: import_per_kwh is not 6 finite numbers"),
        (AloneWithEnvelopes, "world 0, publish: gives dict, not a tariff and envelopes"),
        (Loosens, "world 0, review: .*widens .*envelopes only shrink within a gate"),
        (SaysYes, "world 0, review: .*gives bool, not envelopes .* may give ACCEPTED"),
        (ShrinksUnannounced, "world 0, review: .*but `reviews` is False; set it True"),
        (Tires, "world 0, sameness: .*publish gives another answer to the same view"),
        (GrantsTooMuch, "world 0, grants: the granted .* is not between nothing and what was"),
        (GrantsNobody, "world 0, grants: no grant for MG"),
        (Trips, "world 0, review: .*KeyError: 'MG9' \\(test_operators.py:"),
        (ForgetsToSayReviews, "`reviews` is 'yes'; give True, or False"),
    ],
)
def test_broken_promise_is_named_with_its_world(operator, fault):
    with pytest.raises(ContractError, match=fault):
        check_operator(operator, seeds=1)


def test_what_is_no_operator_is_told_so():
    assert operator_faults(object) == [
        "is no Operator: it needs `reviews`, `publish`, `answer` and `review`"
    ]


def test_an_operator_that_accepts_everything_keeps_its_contract():
    class Lenient(StandardOperator):
        reviews = False

        def review(self, view, plans):
            return ACCEPTED

    check_operator(Lenient, seeds=2)


def test_an_operator_that_grants_a_part_keeps_its_contract():
    check_operator(Grants90, seeds=2)
