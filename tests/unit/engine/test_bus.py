"""The bus: replies in order, counted, side by side where they may be, kept where asked for."""

import threading

import pytest

from mmgsim.contracts import Disclose, Request, RequestQuery, frozen, plain_content
from mmgsim.engine import MessageBus
from mmgsim.errors import ContractError
from mmgsim.testing import sample_view

WINDOW = sample_view(1).window


class Listener:
    role = "microgrid"

    def __init__(self, name, *, meet=None, in_thread=True):
        self.name = self.who = name
        self.meet, self.in_thread = meet, in_thread
        self.threads = []

    def may_answer_in_thread(self, message):
        return self.in_thread and isinstance(message, RequestQuery)

    def receive(self, message):
        self.threads.append(threading.current_thread())
        if self.meet is not None:
            self.meet.wait(timeout=20)
        kw = frozen([float(self.name[1:])])
        return Request(lack_kw=kw, surplus_kw=frozen([0.0]))


def bus_of(listeners, **options):
    bus = MessageBus(**options)
    for listener in (*listeners, Listener("market")):
        bus.register(listener)
    return bus


def ask(bus, names):
    return bus.exchange("market", [RequestQuery(to=name, window=WINDOW) for name in names])


def test_two_answer_at_the_same_time_and_replies_keep_their_order():
    # Each waits for the other: it ends only if both are asked at once.
    meet = threading.Barrier(2)
    listeners = [Listener(f"M{k}", meet=meet) for k in range(2)]
    replies = ask(bus_of(listeners, workers=2), ["M1", "M0"])
    assert [reply.sender for reply in replies] == ["M1", "M0"]
    assert [reply.lack_kw[0] for reply in replies] == [1.0, 0.0]


@pytest.mark.parametrize(("workers", "is_willing"), [(1, True), (2, False)])
def test_one_worker_or_one_who_must_not_be_threaded_means_one_after_the_other(workers, is_willing):
    listeners = [Listener("M0"), Listener("M1", in_thread=is_willing)]
    ask(bus_of(listeners, workers=workers), ["M0", "M1"])
    assert {t for one in listeners for t in one.threads} == {threading.main_thread()}


def test_nobody_is_asked_two_things_at_once():
    listeners = [Listener("M0"), Listener("M1")]
    ask(bus_of(listeners, workers=2), ["M0", "M1", "M0"])
    assert {t for one in listeners for t in one.threads} == {threading.main_thread()}


def test_payloads_are_kept_in_order_until_they_are_taken():
    bus = bus_of([Listener("M0"), Listener("M1")], workers=2, keeps_payloads=True)
    ask(bus, ["M0", "M1"])
    said = [(type(one).__name__, one.sender, one.to) for one in bus.take_payloads()]
    assert said == [
        ("RequestQuery", "market", "M0"),
        ("RequestQuery", "market", "M1"),
        ("Request", "M0", "market"),
        ("Request", "M1", "market"),
    ]
    assert bus.take_payloads() == []
    assert bus.traffic.messages == 4


def test_a_stranger_is_named():
    with pytest.raises(ContractError, match="writes to 'M3': no such agent"):
        ask(bus_of([Listener("M0")]), ["M3"])


def test_plain_content_is_what_json_can_hold():
    plain = plain_content(Disclose(window=WINDOW))
    assert plain == {
        "window": {
            "first_step": 0,
            "steps": WINDOW.steps,
            "step_h": 1.0,
            "start": WINDOW.start.isoformat(),
            "timezone": "UTC",
        },
        "samples": None,
        "within": None,
    }
