"""Rules without torch: made-up observations in, findings out."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from fairtrial.doctor.findings import finding, ordered
from fairtrial.doctor.journal import Journal
from fairtrial.doctor.observations import (
    Aliased,
    Alike,
    Backward,
    Batch,
    Blended,
    Crossed,
    Curve,
    Divergence,
    Empty,
    End,
    Entered,
    Evaluation,
    Fitted,
    Input,
    Layer,
    Lineage,
    Loader,
    Look,
    LossCall,
    Model,
    Neighbours,
    OptimizerMade,
    Order,
    ParameterSeen,
    Pass,
    Printed,
    Rates,
    Renamed,
    Rescaled,
    Scheduled,
    ScheduleMade,
    Scores,
    Settings,
    Shared,
    Shares,
    Source,
    StateLoaded,
    StateTaken,
    Step,
    Stepped,
    Targets,
    Transformed,
    Tried,
)
from fairtrial.doctor.symptoms.data import (
    augmented_validation,
    class_map_mismatch,
    degenerate_data,
    filled,
    labels_misaligned,
    repeated_batch,
    split_leakage,
    split_preprocessing_mismatch,
    unshuffled_training,
)
from fairtrial.doctor.symptoms.loss import ascending_loss, nll_on_non_log_probabilities
from fairtrial.doctor.symptoms.protocol import best_not_restored, evaluation_in_train_mode, wrong_accuracy
from fairtrial.doctor.symptoms.state import best_state_alias, partial_load, training_in_eval_mode
from fairtrial.doctor.symptoms.step import (
    clipping_too_tight,
    counted_in_steps,
    extreme_optimizer_settings,
    missing_zero_grad,
    never_stepped,
    non_finite,
    optimizer_of_another_model,
    schedule_too_fast,
)
from fairtrial.doctor.symptoms.tried import (
    falling,
    frozen_at_random,
    scheduled_down,
    under_trained,
    unsuitable_batch_size,
    unsuitable_capacity,
)

SETTINGS = Settings(0.1, 0.0, None, None, 0.0, False)
STEP = Step(
    step=0, where="t.py:9", optimizer=1, kind="SGD", settings=(SETTINGS,), backwards=1, stale=False,
    cleared_after_backward=False, backward_where="t.py:8", parameters=(),
)  # fmt: skip
WEIGHT = ParameterSeen(1, "", 1.0, True, 1.0, 64, 0.1, -0.1, True)
INPUT = Input((4, 2), -1.0, 1.0, 0.0, 1.0, True, False, 1, 1.0)
PASS = Pass(
    step=0, where="t.py:5", model=1, training=True, active=("drop",), idle=(), grad=True, backward=True, judged=True,
    phase=1, input=INPUT,
)  # fmt: skip
BACK = Backward(step=0, where="t.py:8", value=1.0, finite=True, has_graph=True, factor=1.0)
LOADER = Loader(
    step=0, where="t.py:4", loader=1, dataset=1, base=1, length=200, batch=20, drop_last=False,
    workers=0, indices=None, classes=(),
)  # fmt: skip


def test_gradients_left_over_are_told_at_the_line_of_backward() -> None:
    stale = [STEP, *(replace(STEP, step=n, stale=True) for n in range(1, 4))]
    found = missing_zero_grad.decide(Journal(stale))
    assert found
    assert (found[0].level, found[0].where) == ("fail", "t.py:8")
    assert missing_zero_grad.decide(Journal([STEP, replace(STEP, step=1)])) == []
    assert missing_zero_grad.decide(Journal([STEP])) is None  # one step cannot tell


def test_the_first_number_that_is_none_is_told() -> None:
    broken = [BACK, replace(BACK, step=3, value=float("nan"), finite=False), replace(BACK, step=4, finite=False)]
    found = non_finite.decide(Journal(broken))
    assert found
    assert "step 3" in found[0].evidence


def test_an_evaluation_with_dropout_at_work_is_told_but_not_sampling_with_it() -> None:
    evaluated = replace(PASS, grad=False, backward=False, phase=2)
    assert evaluation_in_train_mode.decide(Journal([PASS, evaluated]))
    sampling = [PASS, *(replace(evaluated, step=n) for n in range(3))]
    assert evaluation_in_train_mode.decide(Journal(sampling)) == []
    assert evaluation_in_train_mode.decide(Journal([PASS, replace(evaluated, training=False, active=())])) == []


def rates(*values: float, total: int) -> Journal:
    """A schedule that gives these rates, one a step, and a training of so many steps."""
    scheduled = Scheduled(step=1, where="t.py:7", kind="StepLR", count=1, cycle=None, before_optimizer=False)
    told = [Rates(step=n, optimizer=1, lr=value) for n, value in enumerate(values)]
    stepped = Stepped(step=total, optimizer=1, first=0, last=total - 1)
    return Journal([scheduled, *told, stepped, End(step=total, backwards=total, loss=1.0)])


def test_a_rate_that_is_gone_early_fails_and_one_that_ends_at_zero_does_not() -> None:
    found = schedule_too_fast.decide(rates(0.1, 1e-3, 1e-5, total=100))
    assert found
    assert found[0].level == "fail"
    assert schedule_too_fast.decide(rates(*(0.1 * (1 - n / 50) for n in range(50)), total=50)) == []
    assert schedule_too_fast.decide(rates(0.0, 0.05, 0.1, total=50)) == []  # a warm-up


def test_a_schedule_is_judged_by_the_steps_of_its_own_optimizer() -> None:
    cycle = [0.1 * (1 - n / 50) for n in range(50)] + [1e-6]
    assert schedule_too_fast.decide(rates(*cycle, total=200))
    other = Stepped(step=199, optimizer=2, first=51, last=199)
    first = [one for one in rates(*cycle, total=51).seen if not isinstance(one, End)]
    later = [*first, Rates(step=51, optimizer=2, lr=0.1), other, End(step=200, backwards=200, loss=1.0)]
    assert schedule_too_fast.decide(Journal(later)) == []


def test_two_early_drops_to_a_tenth_are_a_whole_schedule() -> None:
    assert schedule_too_fast.decide(rates(0.1, 0.01, 0.001, total=100))
    assert schedule_too_fast.decide(rates(0.1, 0.01, total=100)) == []


def cut(*pairs: tuple[float, float]) -> Journal:
    """Gradients of these norms, and what the steps got of them."""
    return Journal([STEP, *(Rescaled(step=n, left=(a, a), used=(b, b)) for n, (a, b) in enumerate(pairs))])


def test_gradients_cut_by_hand_to_next_to_nothing_are_told_and_divided_ones_are_not() -> None:
    assert clipping_too_tight.decide(cut((1, 1e-3), (2, 1e-3), (1.5, 1e-3), (3, 1e-3), (1.2, 1e-3)))
    assert clipping_too_tight.decide(cut(*((a, a / 512) for a in (1.0, 2.0, 1.5, 3.0, 1.2)))) == []


def labelled(labels: list[int]) -> Journal:
    """A training that reads these labels in this order, twenty at a time."""
    seen = [LOADER]
    batches = [
        (
            Batch(step=n, loader=1, round=0, place=n, images=n, labels=tuple(labels[n * 20 : n * 20 + 20])),
            replace(PASS, step=n, loader=1),
        )
        for n in range(len(labels) // 20)
    ]
    return Journal([*seen, *(one for pair in batches for one in pair)])


@given(st.lists(st.integers(0, 9), min_size=200, max_size=200), st.integers(0, 2**32 - 1))
def test_labels_in_random_order_are_never_called_sorted(labels: list[int], seed: int) -> None:
    Random(seed).shuffle(labels)
    assert unshuffled_training.decide(labelled(labels)) == []


def test_sorted_labels_are_told() -> None:
    found = unshuffled_training.decide(labelled([n // 20 for n in range(200)]))
    assert found
    assert found[0].where == "t.py:4"


def test_the_order_within_a_batch_is_no_fault() -> None:
    def told(*batches: tuple[int, ...]) -> bool:
        return bool(unshuffled_training.decide(Journal([PASS, Order(step=9, where="t.py:5", batches=batches)])))

    ordered = tuple(n // 50 for n in range(200))
    assert told(ordered[:100], ordered[100:])
    assert told(*((y,) for y in ordered))  # one example a step
    assert not told(ordered)  # all data in one batch
    assert not told(*(ordered[::5] for _ in range(5)))  # as many of each class in every batch


def test_what_an_earlier_finding_explains_is_no_finding_of_its_own() -> None:
    def told(*faults: str) -> list[str]:
        return [one.fault for one in ordered(finding(name, "fail", "t.py:1", "seen") for name in faults)]

    assert told("lr-too-low", "schedule-too-fast") == ["schedule-too-fast"]
    assert told("dead-relu", "lr-too-high", "unshuffled-training") == ["unshuffled-training"]
    assert told("dead-relu", "lr-too-high") == ["lr-too-high"]
    assert told("lr-too-high", "input-scale") == ["input-scale", "lr-too-high"]


EVALUATED = Evaluation(
    step=9, where="t.py:20", source=1, caller="t.py:21", text="", batches=((60, 64), (60, 64), (8, 8)), confusion=()
)


def test_a_printed_accuracy_is_wrong_only_where_a_wrong_formula_alone_explains_it() -> None:
    def told(text: str) -> bool:
        return bool(wrong_accuracy.decide(Journal([EVALUATED, Printed(step=9, where="t.py:22", text=text)])))

    assert told(f"accuracy {128 / 192:.4f}")  # by batches x batch size
    assert told(f"Accuracy: {100 * (60 / 64 + 60 / 64 + 1) / 3:.2f} %")  # the mean of batch means
    assert not told(f"accuracy {128 / 136:.4f}")
    assert not told(f"accuracy {100 * 128 / 136:.2f}%")
    assert not told(f"loss {128 / 192:.4f}")
    assert not told("epoch 3 accuracy 0.9")  # another number altogether proves nothing


def test_labels_sorted_in_a_part_that_is_only_evaluated_are_none_of_the_training() -> None:
    order = [n // 20 for n in range(200)]
    judged = [replace(one, loader=2) if isinstance(one, Batch | Loader) else one for one in labelled(order).seen]
    assert not unshuffled_training.decide(Journal(judged))


def test_predictions_compared_with_labels_each_with_each_are_told() -> None:
    found = wrong_accuracy.decide(Journal([Crossed(step=9, where="t.py:20", shape=(64, 64))]))
    assert found
    assert found[0].where == "t.py:20"


SCORED = replace(PASS, grad=False, backward=False, source=5, where="t.py:9")
SHARED = Shared(step=0, source=5, trained=1000, repeats=0, evaluated=200, shared=40, known=40, same_part=False)


def test_a_leak_is_a_part_of_what_is_evaluated_and_not_the_training_part_itself() -> None:
    def told(shared: Shared, scored: Pass = SCORED) -> bool:
        return bool(split_leakage.decide(Journal([scored, shared])))

    assert told(SHARED)
    assert not told(replace(SHARED, known=0))  # taught after it was judged: pseudo-labels
    assert not told(replace(SHARED, same_part=True))
    assert not told(replace(SHARED, repeats=100))  # inputs that repeat by nature
    assert not told(SHARED, replace(SCORED, judged=False))  # drawn, or embedded
    assert not told(replace(SHARED, known=150, apart=50))  # all data: the rest was evaluated by itself
    assert not told(replace(SHARED, known=180, met=0.9))  # all of what training draws from


def test_a_leak_by_resampling_is_told_where_that_comes_before_the_split() -> None:
    look = Look(step=9, where="t.py:9", model=1, source=5, callers=(("t.py:9", ""),), weights=1)
    split, grown = ("t.py:4", "a, b = train_test_split(x)"), ("t.py:3", "x = oversample(x)")
    for lines in ((split, grown), (split,)):
        lineage = Lineage(step=9, where="t.py:9", about="evaluated", lines=lines)
        found = split_leakage.decide(Journal([SCORED, SHARED, look, lineage]))
        assert found
        assert found[0].where == lines[-1][0]


def test_validation_that_changes_is_told_where_each_reading_has_a_loader_of_its_own() -> None:
    learning = [LOADER, replace(PASS, loader=1)]
    loaders = [replace(LOADER, loader=n, dataset=2, where="t.py:7") for n in (2, 3)]
    batch = Batch(step=9, loader=2, round=0, place=0, images=1, labels=(0, 1) * 4)
    found = augmented_validation.decide(Journal([*learning, *loaders, batch, replace(batch, loader=3, images=2)]))
    assert found
    assert found[0].where == "t.py:7"
    assert augmented_validation.decide(Journal([*learning, *loaders, batch, replace(batch, loader=3)])) == []


def test_inputs_of_another_size_are_told_of_what_was_not_taught_and_is_no_token() -> None:
    given = replace(INPUT, shape=(64, 2))
    taught = replace(PASS, input=given)
    judged = replace(taught, grad=False, backward=False, source=5, where="t.py:8")
    other = replace(judged, input=replace(given, deviation=0.05), source=6, where="t.py:9")
    known = Shared(step=9, source=5, trained=64, repeats=0, evaluated=64, shared=64, known=64, same_part=False)
    seen = [known, replace(known, source=6, shared=0, known=0), taught, judged, judged, other]
    found = split_preprocessing_mismatch.decide(Journal(seen))
    assert found
    assert found[0].where == "t.py:9"
    tokens = [replace(one, entered=Entered(None, "Embedding", given)) if isinstance(one, Pass) else one for one in seen]
    assert not split_preprocessing_mismatch.decide(Journal(tokens))


def test_training_too_short_is_the_fault_of_batches_that_are_all_of_the_data() -> None:
    curve = Curve(step=20, losses=tuple(2.3 - 0.002 * n for n in range(20)), held=(), rows=1000, loop="t.py:3")
    small = Tried(step=20, fault="unsuitable-batch-size", said="", steps=6, before=2.29, after=2.1, error=0.01)
    more = Tried(step=20, fault="under-trained", said="", steps=20, before=0.8, after=0.6, error=0.01)
    for length, found in ((1000, unsuitable_batch_size), (10_000, under_trained)):
        seen = Journal([replace(LOADER, length=length), replace(PASS, loader=1), curve, small, more])
        assert [rule for rule in (unsuitable_batch_size, under_trained) if rule.decide(seen)] == [found]


def test_no_step_is_stale_whose_gradients_are_put_in_place() -> None:
    made = OptimizerMade(step=0, optimizer=1, kind="SGD", parameters=frozenset((1, 2)), remembers=False, replaces=None)
    stale = [made, STEP, *(replace(STEP, step=n, stale=True) for n in range(1, 4))]
    assert missing_zero_grad.decide(Journal([*stale, replace(BACK, reached=frozenset((1, 2)))]))
    assert missing_zero_grad.decide(Journal([*stale, replace(BACK, reached=frozenset((3, 4)))])) == []


def test_gradients_that_are_turned_around_before_the_step_climb() -> None:
    turned = [Rescaled(step=n, left=(1.0, 1.0), used=(1.0, 1.0), turned=True) for n in range(3)]
    steps = [replace(STEP, step=n, parameters=(WEIGHT,)) for n in range(3)]
    assert ascending_loss.decide(Journal([BACK, *steps, *turned]))
    assert ascending_loss.decide(Journal([BACK, *steps, *turned[:1]])) == []


def test_momentum_that_forgets_nothing_is_proof_in_itself() -> None:
    found = extreme_optimizer_settings.decide(Journal([replace(STEP, settings=(replace(SETTINGS, momentum=1.0),))]))
    assert found
    assert found[0].level == "fail"
    assert (
        extreme_optimizer_settings.decide(Journal([replace(STEP, settings=(replace(SETTINGS, momentum=0.99),))])) == []
    )


def test_an_optimizer_is_judged_by_the_gradients_since_it_was_built() -> None:
    made = OptimizerMade(step=8, optimizer=2, kind="SGD", parameters=frozenset([1]), remembers=False, replaces=1)
    step = replace(STEP, step=8, optimizer=2, parameters=(replace(WEIGHT, gradient=None),))
    early = replace(BACK, reached=frozenset([1]))
    found = optimizer_of_another_model.decide(
        Journal([early, made, replace(early, step=8, reached=frozenset([5])), step])
    )
    assert found
    assert optimizer_of_another_model.decide(Journal([early, made, replace(early, step=8), step])) == []


def test_weights_that_are_written_to_themselves_were_kept_without_a_copy() -> None:
    model = Model(step=0, model=1, name="Net", layers=(), names=(), unregistered=(), repeated=())
    loaded = StateLoaded(step=9, where="t.py:9", model=1, missing=(), unexpected=(), matched=1, own=("a weight",))
    assert best_state_alias.decide(Journal([model, loaded]))
    assert best_state_alias.decide(Journal([model, replace(loaded, own=())])) == []


def test_a_state_that_was_taken_steps_before_is_the_best_one_and_fills_nothing_up() -> None:
    loaded = StateLoaded(step=9, where="t.py:9", model=1, missing=(), unexpected=(), matched=1, own=("w",))
    taken = StateTaken(step=9, model=1, kept=False)
    assert partial_load.decide(Journal([taken, loaded]))
    assert partial_load.decide(Journal([replace(taken, step=5), loaded])) == []


def test_evaluation_mode_that_served_no_evaluation_is_told_where_it_was_put_on() -> None:
    idle = replace(PASS, training=False, active=(), idle=("drop",), switched=((True, "t.py:2"), (False, "t.py:3")))
    evaluated = replace(idle, grad=False, backward=False, where="t.py:9")
    for seen, where in (([PASS, idle], "t.py:3"), ([PASS, evaluated, idle], "t.py:2")):
        found = training_in_eval_mode.decide(Journal(seen))
        assert found
        assert found[0].where == where


def test_answers_that_are_right_by_the_luck_of_a_few_classes_are_not_learned() -> None:
    blind = Neighbours(step=9, count=1000, chance=0.1, majority=0.1, nearest=100, linear=100, against=((200, 250),) * 3)
    lucky = replace(EVALUATED, batches=((65, 400),), confusion=tuple((n, 3 * n % 10, 40) for n in range(10)))
    assert labels_misaligned.decide(Journal([blind, lucky]))
    assert labels_misaligned.decide(Journal([replace(blind, nearest=135), lucky]))  # neighbours are shared
    assert labels_misaligned.decide(Journal([replace(blind, linear=200), lucky])) == []
    learned = replace(lucky, batches=((200, 400),), confusion=(*lucky.confusion, *((n, n, 40) for n in range(10))))
    assert labels_misaligned.decide(Journal([blind, learned])) == []


def test_losses_fall_along_a_line_whatever_one_batch_says() -> None:
    losses = [2 - 0.04 * n + 0.1 * (-1) ** n for n in range(30)]
    losses[23] += 0.5
    curve = Curve(step=30, losses=tuple(losses), held=(), rows=32, loop="t.py:3")
    assert falling(Journal([curve]))
    assert not falling(Journal([replace(curve, losses=tuple(1 + 0.1 * (-1) ** n for n in range(30)))]))


SCORES = Scores(-1.0, 1.0, 0.5, 0.0, 1.0, 1.0, 1.0, 1.0, True, True)
LOSS = LossCall(
    step=0, where="t.py:6", name="cross_entropy", value=1.1, reduction="mean", rows=30, classes=3, learning=True,
    scores=SCORES, targets=Targets(0.0, 2.0, True, 1, False, (10, 10, 10)), origin=None, weights=(),
)  # fmt: skip


def test_labels_in_numpy_under_other_names_are_told_where_the_script_says_so_itself() -> None:
    moved = Renamed(
        step=9, where="t.py:9", source=1, caller="t.py:12", text="", batches=((2, 122),),
        confusion=((1, 0, 40), (2, 1, 40), (0, 2, 40), (0, 0, 2)),
    )  # fmt: skip
    seen = [LOSS, moved, End(step=9, backwards=9, loss=0.1)]
    said = Printed(step=9, where="t.py:13", text="accuracy 0.01639")
    found = class_map_mismatch.decide(Journal([*seen, said]))
    assert found
    assert found[0].where == "t.py:12"
    assert not class_map_mismatch.decide(Journal([*seen, replace(said, text="accuracy 0.98361")]))


def test_inputs_that_are_one_number_are_no_repeated_batch_but_degenerate() -> None:
    blank = [replace(PASS, step=n, input=replace(INPUT, minimum=1.0)) for n in range(4)]
    loader, batch = replace(LOADER, batch=4), Batch(step=0, loader=1, round=0, place=0, labels=(), images=1)
    assert repeated_batch.decide(Journal([loader, batch, *(replace(PASS, step=n) for n in range(4))]))
    seen = Journal([loader, batch, *blank, LOSS])
    assert repeated_batch.decide(seen) == []
    found = degenerate_data.decide(seen)
    assert found
    assert found[0].level == "fail"
    assert degenerate_data.decide(Journal([PASS, LOSS])) == []


def test_a_net_that_cannot_learn_a_few_examples_because_most_of_it_is_frozen_is_told_so() -> None:
    layer = Layer("0", "Linear", "t.py:2", None, True, 0.6, 8, 8, None, None, True, frozenset({1}))
    layers = tuple(replace(layer, name=str(n), parameters=frozenset({n})) for n in (1, 2, 3))
    names = ((1, "1.weight", False), (2, "2.weight", False), (3, "3.weight", True))
    net = Model(step=0, model=1, name="Net", layers=layers, names=names, unregistered=(), repeated=())
    curve = Curve(step=20, losses=(2.3,) * 20, held=(), rows=32, loop="t.py:3")
    tried = Tried(step=20, fault="unsuitable-capacity", said="", steps=500, before=1.0, after=0.5, error=0.0)
    moved = replace(STEP, parameters=(replace(WEIGHT, serial=3),))
    seen = [net, replace(BACK, reached=frozenset({3})), moved, curve]
    found = frozen_at_random.decide(Journal([*seen, tried]))
    assert found
    assert "layers 1, 2" in found[0].evidence
    assert unsuitable_capacity.decide(Journal([*seen, tried])) == []
    assert frozen_at_random.decide(Journal([*seen, replace(tried, after=0.0)])) == []  # random features that do


def test_an_evaluated_part_that_is_read_once_with_random_numbers_is_told_where_training_reads_the_same_dataset() -> (
    None
):
    trained, held = replace(LOADER, indices=frozenset(range(9))), replace(LOADER, loader=2, dataset=2, where="t.py:7")
    held = replace(held, indices=frozenset(range(9, 20)))
    batch = Batch(step=9, loader=2, round=0, place=0, images=1, labels=(0, 1) * 4, drawn=("torch",))
    judged = replace(PASS, loader=2, grad=False, backward=False)
    seen = [trained, replace(PASS, loader=1), held, batch, judged]
    assert augmented_validation.decide(Journal(seen))
    for healthy in (replace(batch, drawn=()), replace(batch, round=1)):  # nothing drawn; drawn in vain
        again = [one if one is not batch else healthy for one in seen]
        assert not augmented_validation.decide(Journal([*again, replace(healthy, round=2)]))
    assert not augmented_validation.decide(Journal([replace(trained, indices=held.indices), *seen[1:]]))
    assert not augmented_validation.decide(Journal([*seen[:2], replace(held, base=5), *seen[3:]]))


def test_one_batch_of_a_stream_is_told_and_all_that_is_wanted_of_it_is_not() -> None:
    stream = replace(LOADER, length=0)
    batch = Batch(step=0, loader=1, round=0, place=0, images=1, labels=())
    steps = [replace(PASS, step=n, input=replace(INPUT, shape=(20, 2))) for n in range(5)]
    assert repeated_batch.decide(Journal([stream, batch, *steps]))
    assert not repeated_batch.decide(Journal([stream, batch, replace(batch, place=1), *steps]))


def test_copies_in_both_parts_are_told_by_their_nearness_and_by_the_line_that_copied_before_the_split() -> None:
    def told(alike: int, copied: str, evaluated: str) -> bool:
        lines = (
            (("t.py:3", "a, b = train_test_split(x)"), (copied, "x = enlarge(x)")),
            ((evaluated, "x = enlarge(x)"),),
        )
        seen = (
            Alike(step=9, where="t.py:8", count=200, alike=alike, jump=2.0),
            Lineage(step=9, where="t.py:8", about="evaluated", lines=lines[0]),
            Lineage(step=9, where="t.py:5", about="learned", lines=lines[1]),
        )
        found = split_leakage.decide(Journal([LOADER, PASS, *seen]))
        assert not found or found[0].where == "t.py:3"
        return bool(found)

    assert told(120, "t.py:2", "t.py:2")
    assert not told(8, "t.py:2", "t.py:2")  # as many as there are by chance
    assert not told(120, "t.py:2", "t.py:4")  # each part was enlarged by itself


def test_a_model_that_is_kept_whole_and_learns_on_is_told_unless_a_state_is_kept_too() -> None:
    kept = Aliased(step=5, where="t.py:8", model=1, choice="t.py:7")
    choice = Lineage(step=9, where="t.py:7", about="choice", lines=(("t.py:6", "score = evaluate(net)"),))
    look = Look(step=5, where="t.py:3", model=1, source=1, callers=(("t.py:3", ""), ("t.py:6", "")), weights=1)
    found = best_state_alias.decide(Journal([kept, choice, look]))
    assert found
    assert (found[0].level, found[0].where) == ("fail", "t.py:8")
    taken = StateTaken(step=5, model=1, kept=False)
    assert best_state_alias.decide(Journal([kept, choice, look, taken])) == []
    assert not best_state_alias.decide(Journal([kept, choice, look, replace(look, model=2)]))
    assert not best_state_alias.decide(Journal([kept, look]))


def test_a_divergence_takes_logarithms_and_a_target_of_the_kind_it_is_told() -> None:
    shares = Shares(minimum=0.1, maximum=0.4, sum_error=0.0, log_error=1.5)
    logs = Shares(minimum=-2.3, maximum=-0.9, sum_error=5.0, log_error=0.0)
    right = Divergence(step=0, where="t.py:1", value=0.1, given=logs, target=shares, log_target=False, origin=None)
    wrong = (
        replace(right, given=shares),
        replace(right, given=replace(logs, maximum=2.0, log_error=3.0)),
        replace(right, log_target=True),
        replace(right, target=logs),
    )
    assert all(nll_on_non_log_probabilities.decide(Journal([one])) for one in wrong)
    healthy = (right, replace(right, target=logs, log_target=True), replace(right, given=replace(logs, maximum=0.5)))
    assert nll_on_non_log_probabilities.decide(Journal(healthy)) == []


def test_the_weights_of_the_lowest_accuracy_are_not_the_best() -> None:
    loaded = StateLoaded(step=50, model=1, missing=(), unexpected=(), matched=1, own=())

    def told(kept: tuple[int, ...], rights: tuple[int, ...], *others: Curve | Lineage) -> bool:
        steps = range(10, 60, 10)
        seen = [
            *(Look(step=n, where="t.py:3", model=1, source=7, callers=(("t.py:3", ""),)) for n in steps),
            *(StateTaken(step=n, model=1, kept=False, choice="t.py:9") for n in kept),
            *(
                replace(EVALUATED, step=n, source=7, batches=((right, 100),))
                for n, right in zip(steps, rights, strict=True)
            ),
        ]
        found = best_not_restored.decide(Journal([*seen, *others, loaded]))
        assert not found or found[0].where == "t.py:9"
        return bool(found)

    rising, falling = (40, 60, 70, 80, 80), (80, 60, 70, 50, 80)
    by_loss = Lineage(step=50, where="t.py:9", about="choice", lines=(("t.py:8", "score = valid_loss(net)"),))
    held = Curve(
        step=50, losses=(), held=(0.5, 0.6, 0.7, 0.8, 0.9), held_at=tuple(range(10, 60, 10)), rows=0, loop=None
    )
    assert told((10,), rising)
    assert told((10, 20, 40), falling)
    assert not told((10, 20, 30, 40), rising)
    assert not told((10, 30), rising)
    assert not told((10,), (50, 51, 52, 51, 50))  # by chance
    assert not told((10,), rising, by_loss)
    assert not told((10,), rising, held)  # where the loss is lowest
    assert told((10, 20, 30, 40, 50), falling, held)


def test_a_transformer_that_was_fitted_anew_makes_other_numbers() -> None:
    first, second = Fitted("PCA", 1), Fitted("PCA", 2)
    taught = Transformed(step=0, where="t.py:9", learned=True, fitted=(first,), lines=("t.py:2", "t.py:5"))
    judged = replace(taught, learned=False, fitted=(Fitted("Scaler", 3), second), lines=("t.py:2", "t.py:6"))
    found = split_preprocessing_mismatch.decide(Journal([judged, taught]))
    assert found
    assert found[0].where == "t.py:6"
    fold = replace(taught, fitted=(second,))
    for healthy in ([taught, replace(taught, learned=False)], [judged, taught, fold], [judged]):
        assert not split_preprocessing_mismatch.decide(Journal(healthy))


def test_inputs_are_mixed_with_those_whose_labels_they_get() -> None:
    mixed = Blended(step=2, where="t.py:9", rows=64, wrong=0)
    lines = (("t.py:4", "b = y[i]"), ("t.py:3", "b = y[torch.randperm(64)]"))
    seen = [Lineage(step=2, where="t.py:9", about="labels", lines=lines), mixed]
    assert labels_misaligned.decide(Journal(seen)) == []
    found = labels_misaligned.decide(Journal([*seen, replace(mixed, wrong=50)]))
    assert found
    assert found[0].where == "t.py:3"


def test_rounds_without_a_batch_are_told_where_they_are_half_of_all() -> None:
    lines = (("t.py:5", "for x, y in pairs:"), ("t.py:2", "pairs = zip(a, b)"))
    seen = [PASS, Lineage(step=9, where=PASS.where, about="learned", lines=lines)]
    found = under_trained.decide(Journal([*seen, Empty(step=9, where="t.py:4", turns=8, empty=7)]))
    assert found
    assert (found[0].level, found[0].where) == ("fail", "t.py:2")
    assert not under_trained.decide(Journal([*seen, Empty(step=9, where="t.py:4", turns=8, empty=3)]))


def test_a_schedule_of_rates_where_factors_are_meant_is_tried_at_the_optimizers_own() -> None:
    made = OptimizerMade(
        step=0, optimizer=1, kind="SGD", parameters=frozenset(), remembers=True, replaces=None, rate=0.05
    )
    stepped = Scheduled(step=0, kind="LambdaLR", count=1, cycle=None, before_optimizer=False)
    low = Rates(step=0, optimizer=1, lr=0.0025)
    tried = Tried(step=9, fault="schedule-too-fast", said="", steps=100, before=1.0, after=0.1, error=0.01)
    seen = [made, ScheduleMade(step=0, where="t.py:7"), stepped, low]
    found = scheduled_down.decide(Journal([*seen, tried]))
    assert found
    assert found[0].where == "t.py:7"
    assert scheduled_down.decide(Journal([*seen, replace(tried, after=3.0)])) == []
    assert scheduled_down.decide(Journal(seen)) is None
    assert scheduled_down.decide(Journal([*seen, replace(low, lr=0.05), tried])) is None


def test_places_found_by_the_text_of_the_script() -> None:
    script = (
        "cache = np.zeros(shape)",
        "cache[start:end] = part",
        "cosine = CosineAnnealingLR(optimizer, T_max=STEPS // 8)",
        "loss.backward()",
        "cosine.step()",
        "sched.step()",
        "self.opt.step()",
    )
    seen = Journal([Source(step=0, path="t.py", lines=script), ScheduleMade(step=0, where="t.py:3")])
    assert filled(seen, "t.py:1") == "t.py:2"
    assert filled(seen, "t.py:2") is None
    assert counted_in_steps(seen) == "t.py:3"
    assert counted_in_steps(Journal([*seen.seen, ScheduleMade(step=0, where="t.py:4")])) is None
    assert never_stepped(seen, "t.py:5") == "t.py:7"
    assert never_stepped(seen, "t.py:7") is None
