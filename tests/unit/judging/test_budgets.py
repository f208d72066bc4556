"""Where the ranking changes with the budget."""

from dataclasses import replace

from conftest import fake_experiment

from lrbench.judging.budgets import budgets_of
from lrbench.judging.questions import Answer, Question, answer
from lrbench.runs import Experiment


def asked(epochs: int, best: str, seeds: int | str = 6, **options: object) -> Answer:
    """An experiment in which one schedule is made to come first, clearly if it has six seeds."""
    experiment = fake_experiment(epochs=epochs, schedulers="constant,cosine", seeds=seeds, **options)

    def made_up(experiment: Experiment) -> Experiment:
        finished = [
            replace(one, result=replace(one.result, test=(0.1, 0.9 if one.schedule.name == best else 0.8)))
            for one in experiment.finished
        ]
        return replace(experiment, finished=tuple(finished))

    return answer(made_up(experiment), Question())


def test_a_verdict_that_is_reversed_is_said() -> None:
    short, middle, long = asked(2, "cosine"), asked(5, "cosine"), asked(15, "constant")
    (found,), left_out = budgets_of([long, short, middle])
    assert left_out == []
    assert found.epochs == [2, 5, 15]
    assert found.schedules == ["constant", "cosine"]
    assert found.changes() == ["from 5 to 15 epochs: cosine against constant"]


def test_the_order_of_means_that_cannot_be_told_apart_is_no_order() -> None:
    """Also where one budget has enough seeds of its own: only those that both have are compared."""
    (few,), _ = budgets_of([asked(5, "cosine", 5), asked(15, "constant", 5)])
    (shared,), _ = budgets_of([asked(5, "cosine", 8), asked(15, "constant", "0,1,2,20,21,22,23,24")])
    assert few.changes() == shared.changes() == []


def test_only_what_differs_in_its_epochs_alone_is_put_together() -> None:
    assert budgets_of([asked(2, "cosine")]) == ([], [])
    assert budgets_of([asked(2, "cosine"), asked(5, "cosine", batch_size=64)]) == ([], [])
    assert budgets_of([asked(2, "cosine"), asked(2, "cosine")]) == ([], [])


def of(epochs: int, schedulers: str, **options: object) -> Answer:
    return answer(fake_experiment(epochs=epochs, schedulers=schedulers, seeds=2, **options), Question())


def test_what_shares_no_schedule_is_left_out_and_named() -> None:
    apart = of(30, "linear,rex")
    (found,), left_out = budgets_of(
        [of(2, "constant,cosine"), apart, of(5, "constant,cosine"), of(15, "cosine,step")]
    )
    assert found.epochs == [2, 5, 15]
    assert found.schedules == ["constant", "cosine"]
    assert [found.label(each, "constant") for each in found.answers] == ["constant", "constant", None]
    assert left_out == [f"{apart.name} (30 epochs) shares no schedule with the others."]


def test_nothing_to_put_together_is_said() -> None:
    found, left_out = budgets_of([of(2, "constant,cosine"), of(5, "linear,rex")])
    assert found == []
    assert left_out == ["The experiments of 2, 5 epochs share fewer than two schedules."]
    one, two, twin = of(2, "constant,cosine"), of(5, "constant,cosine"), of(5, "constant,cosine", name="twin")
    (budgets,), left_out = budgets_of([one, two, twin])
    assert budgets.answers == (one, two)
    assert left_out == ["twin: another experiment has the same epochs, and all else but its name."]
