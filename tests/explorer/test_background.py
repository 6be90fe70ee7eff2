"""The background thread: the newest job wins, long work waits, errors do not end it. And the store of limited size."""

import threading

import pytest

from dnrlab.explorer.background import Background
from dnrlab.explorer.store import Store


@pytest.fixture
def errors():
    return []


@pytest.fixture
def background(errors):
    made = Background(errors.append)
    yield made
    made.close()


def test_a_new_job_ends_the_running_one_and_drops_those_that_wait(background):
    steps, begun, go = [], threading.Event(), threading.Event()

    def slow():
        steps.append("slow began")
        begun.set()
        go.wait(10)
        yield
        steps.append("slow ended")

    def named(name):
        def job():
            steps.append(name)
            yield

        return job

    background.start(slow)
    assert begun.wait(10)
    for number in range(50):
        background.start(named(f"job {number}"))
    go.set()
    assert background.wait(10)
    assert steps == ["slow began", "job 49"]


def test_errors_are_reported_and_the_thread_goes_on(background, errors):
    steps = []

    def broken():
        yield
        raise ValueError("broken")

    def whole():
        steps.append(1)
        yield

    background.start(broken)
    assert background.wait(10)
    background.start(whole)
    assert background.wait(10)
    assert [str(error) for error in errors] == ["broken"]
    assert steps == [1]


def test_long_work_goes_on_between_jobs(background):
    steps, begun, go = [], threading.Event(), threading.Event()

    def long():
        for step in range(3):
            steps.append(step)
            begun.set()
            go.wait(10)
            yield

    def job():
        steps.append("job")
        yield

    background.fill(long)
    assert begun.wait(10)
    background.start(job)
    go.set()
    assert background.wait(10, filling=True)
    assert steps == [0, "job", 1, 2]


def test_broken_long_work_ends_and_is_reported(background, errors):
    def broken():
        yield
        raise OSError("no file")

    background.fill(broken)
    assert background.wait(10, filling=True)
    assert [str(error) for error in errors] == ["no file"]


def test_the_store_drops_what_was_used_least_recently():
    store = Store(10)
    store.put("a", 1, 4)
    store.put("b", 2, 4)
    assert store.get("a") == 1
    store.put("c", 3, 4)
    assert (store.get("a"), store.get("b"), store.get("c"), store.used) == (1, None, 3, 8)
    store.put("d", 4, 11)  # above the budget
    assert (store.get("d"), store.used) == (None, 8)
    store.put("a", 5, 6)  # another size
    assert (store.get("a"), store.used) == (5, 10)
