"""Curves of faulty trainings name their fault, healthy ones fail nothing, and what is no file of curves is refused."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from math import ceil, e, exp, log
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import fairtrial, tiny
from fairtrial.doctor.catalogue import FAULTS
from fairtrial.doctor.findings import Diagnosis
from fairtrial.doctor.fingerprints import MNIST, Curve, Curves, diagnose_curves
from fairtrial.doctor.read_curves import meaning, read_curves
from fairtrial.parts.datasets import load
from fairtrial.runner import run
from fairtrial.spec.errors import UsageError
from fairtrial.store import FolderStore

EPOCHS = np.arange(1.0, 21.0)
NOISE = np.random.default_rng(0)


def of(classes: int | None = 10, images: int | None = None, digits: int = 16, **scores: Iterable[float]) -> Diagnosis:
    """The diagnosis of curves given as `train_loss=[...]`, one value an epoch, rounded to so many decimals."""
    curves = {}
    for name, values in scores.items():
        array = np.array(list(values), float).round(digits)
        curves[name.replace("_", "/")] = Curve(np.arange(1.0, len(array) + 1), array, digits)
    return diagnose_curves(Curves(curves, classes, {"test": images, "valid": images} if images else {}))


def told(seen: Diagnosis) -> dict[str, str]:
    """Level by fault."""
    return {found.fault: found.level for found in seen.findings}


def learning(start: float, end: float, speed: float = 4.0, noise: float = 0.004) -> np.ndarray:
    """A score on its way from start to end."""
    return end + (start - end) * np.exp(-EPOCHS / speed) + noise * NOISE.standard_normal(len(EPOCHS))


# Fingerprints whose numbers follow from the formula of the loss


def test_the_floor_of_softmax_twice_is_the_table_s() -> None:
    from fairtrial.doctor.fingerprints import floor

    assert [round(floor(k), 4) for k in (2, 10, 100)] == [0.3133, 1.4612, 3.6222]


@pytest.mark.parametrize("classes", [10, None, 100])
def test_softmax_twice_gives_loss_and_accuracy_one_sum(classes: int | None) -> None:
    accuracy = learning(0.5, 0.96)
    least = log(1 + ((classes or 10) - 1) / e)
    seen = of(classes, valid_loss=least + 1 - accuracy + 0.003 * NOISE.random(20), valid_accuracy=accuracy)
    assert told(seen)["softmax-before-cross-entropy"] == "fail"
    assert "2.46" in seen.findings[0].evidence or classes == 100


def test_softmax_twice_and_one_answer_for_all() -> None:
    assert (
        told(of(test_loss=[2.3612] * 5 + [2.3612], test_accuracy=[0.1] * 6))["softmax-before-cross-entropy"] == "fail"
    )


def test_negative_losses_that_are_minus_the_accuracy() -> None:
    accuracy = learning(0.4, 0.97)
    seen = of(train_loss=-accuracy + 0.01, train_accuracy=accuracy)
    assert told(seen) == {"nll-on-non-log-probabilities": "fail"}


def test_negative_losses_of_a_binary_loss_on_ten_labels() -> None:
    seen = of(train_loss=learning(-5, -55), train_accuracy=[0.1124] * 20)
    assert next(iter(told(seen))) == "single-output-for-many-classes"


def test_negative_losses_that_climb() -> None:
    seen = of(train_loss=-(EPOCHS**3), train_accuracy=0.001 + 0 * EPOCHS)
    assert next(iter(told(seen))) == "ascending-loss"


@pytest.mark.parametrize("clip", [1e-7, 1e-10, 1e-12, 1e-15])
def test_a_clipped_logarithm_times_the_wrong_answers(clip: float) -> None:
    accuracy = np.array([0.1135, 0.1135, 0.098, 0.1032, 0.1135])
    assert told(of(test_loss=-(1 - accuracy) * log(clip), test_accuracy=accuracy))["unstable-log"] == "fail"


@pytest.mark.parametrize(("batch", "first"), [(64, 147.4), (128, 294.7)])
def test_a_summed_loss_starts_at_a_batch_times_ln_k(batch: int, first: float) -> None:
    seen = of(train_loss=[first, first / 3, first / 9, first / 20], train_accuracy=[0.1, 0.7, 0.85, 0.92])
    assert told(seen) == {"sum-reduction": "warn"}
    assert f"batch of {batch}" in seen.findings[0].evidence


@pytest.mark.parametrize(("batch", "highest"), [(64, 0.99522), (128, 0.98892), (256, 0.97656)])
def test_accuracies_over_batches_times_their_size(batch: int, highest: float) -> None:
    whole = ceil(10_000 / batch) * batch
    right = np.array([9410, 9633, 9702, 9755, 9761, 10_000])
    assert right[-1] / whole == pytest.approx(highest, abs=1e-5)
    seen = of(images=10_000, test_accuracy=right / whole)
    assert told(seen)["wrong-accuracy"] == "fail"
    assert f"batches x {batch}" in seen.findings[0].evidence
    assert "wrong-accuracy" not in told(of(images=10_000, test_accuracy=right / 10_000))


def test_more_than_all_right() -> None:
    assert told(of(test_accuracy=[0.8, 1.02, 1.04]))["wrong-accuracy"] == "fail"


@pytest.mark.parametrize("digit", range(10))
def test_one_digit_for_all(digit: int) -> None:
    share = MNIST[digit] / 10_000
    loss = 2.3012 + 1e-4 * NOISE.standard_normal(8)
    seen = of(train_loss=loss, test_accuracy=[share] * 8)
    assert f"always answering {digit} " in seen.findings[0].evidence
    assert seen.findings[0].level == "warn"


def test_the_same_loss_to_its_last_digit() -> None:
    assert told(of(valid_loss=[2.3054871] * 5)) == {"weights-not-updated": "fail"}


def test_a_rounded_loss_that_stays_the_same_while_the_answers_change_says_nothing() -> None:
    assert told(of(valid_loss=[2.3026] * 4, valid_accuracy=[0.102, 0.099, 0.1, 0.1])) == {}


def test_what_two_decimals_say() -> None:
    assert told(of(digits=2, train_loss=[0.31] * 8)) == {}
    assert told(of(digits=2, train_loss=[2.3] * 8)) == {"weights-not-updated": "warn"}
    assert told(of(digits=2, train_loss=[2.3] * 8, valid_accuracy=[0.1, 0.09] * 4)) == {"constant-init": "warn"}
    passing = np.linspace(0.86, 0.94, 20)  # which is 0.90 twice and more
    loss = 0.3251 + (0.9 - passing) * 3
    assert "bce-for-single-label" not in told(of(digits=2, valid_loss=loss, valid_accuracy=passing))


def test_no_number_at_last() -> None:
    assert told(of(train_loss=[2.0, 1.5, np.nan, np.nan]))["non-finite"] == "fail"
    assert told(of(train_loss=[2.0, np.inf, 1.4, 1.2]))["non-finite"] == "fail"


def test_a_gap_is_no_fault() -> None:
    assert told(of(train_loss=[2.0, np.nan, 1.5, np.nan], valid_loss=[np.nan, 1.9, np.nan, 1.4])) == {}


def test_a_rate_that_dies_early() -> None:
    assert told(of(train_loss=learning(2, 1), lr=0.1 * 0.05**EPOCHS))["schedule-too-fast"] == "fail"
    for rates in (0.1 * np.cos(EPOCHS / 13), np.minimum(EPOCHS, 20 - EPOCHS) / 20 + 1e-9, 0.1 * 0.7**EPOCHS):
        assert "schedule-too-fast" not in told(of(train_loss=learning(2, 1), lr=rates))


# Fingerprints of nets that really train


def softmax(z: np.ndarray) -> np.ndarray:
    """Of each row."""
    shifted = np.exp(z - z.max(1, keepdims=True))
    return shifted / shifted.sum(1, keepdims=True)


def steps_of(order: Callable[[np.ndarray, np.random.Generator], np.ndarray], epochs: int = 6) -> Curves:
    """Softmax regression on the digits: the loss of each step, in the order that a function makes of the labels."""
    data = load("digits")
    x, y = data.images.reshape(len(data.images), -1) / 255, np.asarray(data.labels)
    weights, rng, losses, places = np.zeros((x.shape[1], 10)), np.random.default_rng(1), [], []
    for epoch in range(epochs):
        rows = order(y, rng)
        for start in range(0, len(rows) - 31, 32):
            batch = rows[start : start + 32]
            p = softmax(x[batch] @ weights)
            losses.append(-np.log(p[np.arange(len(batch)), y[batch]]).mean())
            places.append(epoch)
            weights -= 0.1 * x[batch].T @ (p - np.eye(10)[y[batch]]) / len(batch)
    return Curves({"train/loss": Curve(np.arange(1.0, len(losses) + 1), np.array(losses))}, 10, epochs=np.array(places))


def test_a_sorted_training_part_is_a_sawtooth_and_a_shuffled_one_is_not() -> None:
    assert told(diagnose_curves(steps_of(lambda y, rng: np.argsort(y, kind="stable"))))["unshuffled-training"] == "warn"
    shuffled = diagnose_curves(steps_of(lambda y, rng: rng.permutation(len(y))))
    assert "unshuffled-training" in shuffled.checked
    assert "unshuffled-training" not in told(shuffled)


def test_restarts_and_running_means_are_no_sawtooth() -> None:
    place = np.tile(np.linspace(0, 1, 20), 6)
    epochs = np.repeat(np.arange(6), 20)
    for tooth in (np.exp(-3 * place), np.cos(np.pi * place)):
        values = 1.2 - 0.1 * epochs + 0.3 * tooth + 0.02 * NOISE.standard_normal(len(place))
        curves = Curves({"train/loss": Curve(np.arange(120.0), values)}, 10, epochs=epochs)
        assert "unshuffled-training" not in told(diagnose_curves(curves))


# Symptoms with several causes


def test_learnt_by_heart() -> None:
    seen = of(train_accuracy=learning(0.2, 0.99), valid_accuracy=0.1 + 0.01 * NOISE.random(20))
    assert told(seen)["labels-misaligned"] == "warn"
    assert "twenty images" in seen.findings[0].evidence
    assert any("SCRIPT.py" in note for note in seen.notes)


def test_over_and_under_trained() -> None:
    rising = np.where(EPOCHS < 6, 2 - 0.3 * EPOCHS, 0.4 + 0.05 * EPOCHS)
    lost = np.where(EPOCHS < 6, 0.5 + 0.08 * EPOCHS, 0.95 - 0.01 * EPOCHS)
    seen = of(train_loss=learning(2, 0.01), valid_loss=rising, valid_accuracy=lost)
    assert told(seen)["over-trained"] == "warn"
    assert told(of(valid_loss=2.3 - 0.05 * EPOCHS, valid_accuracy=0.1 + 0.02 * EPOCHS))["under-trained"] == "warn"


def test_losses_that_rise_stay_or_crawl() -> None:
    assert told(of(train_loss=2.3 + EPOCHS, train_accuracy=[0.1] * 20)) == {"lr-too-high": "warn"}
    assert told(of(train_loss=2.3 + EPOCHS, train_accuracy=[0.001] * 20)) == {"ascending-loss": "warn"}
    assert told(of(train_loss=2.33 - 0.001 * EPOCHS, train_accuracy=[0.12] * 20)) == {"lr-too-low": "warn"}


# Curves that small programs in plain torch wrote (campaigns/curves.py), and some of healthy runs beside them


def test_a_floor_that_the_loss_is_still_falling_to_is_none() -> None:
    """A linear net on its way: 86 % right at 1.64, and nothing stops it there."""
    accuracy, loss = 0.45 + 0.041 * np.arange(10), 2.25 - 0.06 * np.arange(10)
    assert told(of(train_loss=loss, train_accuracy=accuracy)) == {}
    assert told(of(valid_loss=0.6902 - 0.008 * np.arange(3), valid_accuracy=[0.1, 0.12, 0.13])) == {}  # binary loss


def test_unsaturated_softmax_is_told_by_how_the_loss_falls() -> None:
    accuracy = np.array([0.831, 0.841, 0.853, 0.854, 0.859, 0.868, 0.864, 0.873, 0.916, 0.931, 0.941, 0.946])
    loss = np.array([1.713, 1.671, 1.652, 1.637, 1.628, 1.624, 1.618, 1.608, 1.582, 1.567, 1.559, 1.550])
    assert told(of(valid_loss=loss, valid_accuracy=accuracy))["softmax-before-cross-entropy"] == "warn"


def test_a_sum_of_loss_and_accuracy_that_hardly_moves_proves_nothing() -> None:
    still = {"valid_loss": [2.0, 1.62, 1.605, 1.6, 1.6, 1.6], "valid_accuracy": [0.5, 0.84, 0.855, 0.86, 0.86, 0.862]}
    assert "fail" not in told(of(**still)).values()


def test_collapsed_nets_are_not_told_that_nothing_moved() -> None:
    train = {"train_loss": [12.53, *(13.03 + 0.01 * NOISE.standard_normal(8))], "train_accuracy": [0.19] * 9}
    seen = of(**train, valid_loss=[13.1175] * 9, valid_accuracy=[0.18928] * 9)
    assert told(seen)["unstable-log"] == "warn"
    assert "weights-not-updated" not in told(seen)
    seen = of(valid_loss=[2.3673] * 9, valid_accuracy=[0.0972] * 9)
    assert told(seen)["softmax-before-cross-entropy"] == "warn"


def test_a_net_that_collapsed_in_its_first_epoch_has_moved() -> None:
    right = [0.1075, *[0.110833] * 8]
    seen = of(train_loss=2.3504 + 0.0005 * NOISE.standard_normal(9), train_accuracy=right, valid_loss=[2.383026] * 9)
    assert "weights-not-updated" not in told(seen)


def test_minus_cross_entropy_starts_at_minus_ln_k() -> None:
    assert told(of(train_loss=-2.31 - 0.02 * EPOCHS, train_accuracy=[0.05] * 20)) == {"ascending-loss": "warn"}


def test_a_loss_that_climbs_while_answers_get_worse_than_guessed() -> None:
    loss = 2.314 + 0.01 * EPOCHS + 0.0005 * EPOCHS**2
    assert told(of(train_loss=loss, train_accuracy=np.r_[[0.09, 0.05, 0.03], [0.1] * 17])) == {"ascending-loss": "warn"}
    assert "ascending-loss" not in told(of(train_loss=loss, train_accuracy=[0.1] * 20))


def test_a_summed_loss_that_came_to_nothing_stays_at_a_batch_times_ln_k() -> None:
    loss = np.r_[[183.7, 149.9], 147.5 + 0.3 * NOISE.standard_normal(13)]
    assert told(of(train_loss=loss, train_accuracy=[0.1] * 15)) == {"sum-reduction": "warn"}
    fell = np.r_[[147.5], 2.36 + 0.02 * NOISE.standard_normal(14)]
    assert "sum-reduction" not in told(of(train_loss=fell, train_accuracy=[0.1] * 15))


def test_sigmoid_twice_at_its_end_stays_at_ln_2() -> None:
    assert told(of(valid_loss=[0.6931475, *[0.693147] * 9]))["sigmoid-before-bce-with-logits"] == "warn"


def test_sigmoid_twice_is_told_by_its_start_and_by_coming_down_to_ln_2() -> None:
    seen = of(valid_loss=np.linspace(0.9248, 0.8545, 15), valid_accuracy=np.linspace(0.1, 0.47, 15))
    assert told(seen)["sigmoid-before-bce-with-logits"] == "warn"
    rests = [0.71698, 0.697749, 0.69539, 0.6946, *[0.6937, 0.6936, 0.6936, 0.69355, 0.69351]]
    assert told(of(valid_loss=rests, valid_accuracy=[0.1] * 9)) == {"sigmoid-before-bce-with-logits": "warn"}
    sound = np.r_[0.7, 0.55, 0.45, 0.38, np.linspace(0.34, 0.2, 6)]  # goes below ln 2, and on
    assert "sigmoid-before-bce-with-logits" not in told(of(valid_loss=sound, valid_accuracy=np.linspace(0.1, 0.7, 10)))


def test_losses_that_hardly_move_are_told_so_wherever_they_stand() -> None:
    high = {"train_loss": 3.52 - 0.007 * np.arange(15), "valid_accuracy": 0.04 + 0 * np.arange(15)}
    assert told(of(**high)) == {"lr-too-low": "warn"}
    slower = 2.4920 + 0.0012 * np.exp(-np.arange(15) / 4)  # as a cosine makes it
    assert told(of(train_loss=slower, valid_loss=slower, valid_accuracy=[0.08] * 15)) == {"lr-too-low": "warn"}


def test_a_loss_that_wanders_far_above_chance_is_told_of_its_rate_alone() -> None:
    wandering = [6799, 5412, 3611, 2187, 6043, 6027, 4990, 4376, 4121, 4116]
    scores = {"train_loss": wandering, "valid_loss": wandering, "valid_accuracy": [0.1] * 10}
    assert told(of(**scores)) == {"lr-too-high": "warn"}
    rising = {"train_loss": np.geomspace(50, 5, 12), "valid_loss": np.r_[40, 9, 30, np.linspace(50, 60, 9)]}
    assert "over-trained" not in told(of(**rising, valid_accuracy=[0.3, 0.3, 0.2] * 4))
    assert "under-trained" not in told(of(valid_loss=np.geomspace(50, 5, 12), valid_accuracy=np.linspace(0.1, 0.4, 12)))
    assert "under-trained" not in told(of(valid_loss=-np.geomspace(1, 9, 12), valid_accuracy=np.linspace(0.1, 0.4, 12)))


def test_what_was_learnt_and_is_lost_again() -> None:
    loss = np.r_[1.13, 1.2, 1.3, 1.5 + 0.2 * NOISE.random(12)]
    right = np.r_[0.65, 0.62, 0.6, 0.42 + 0.03 * NOISE.random(12)]
    assert told(of(train_loss=loss, train_accuracy=right)) == {"lr-too-high": "warn"}
    assert "lr-too-high" not in told(of(train_loss=loss[::-1], train_accuracy=right))


def test_weights_that_start_too_large_are_no_sum() -> None:
    loss, right = [150.1, 67.9, 31.1, 10.2, 5.8, 3.5, 2.5, 1.6], [0.23, 0.46, 0.58, 0.79, 0.86, 0.92, 0.93, 0.95]
    assert told(of(train_loss=loss, train_accuracy=right)) == {"init-too-large": "warn"}


def test_binary_accuracy_stands_still_while_the_loss_falls() -> None:
    seen = of(valid_loss=0.55 - 0.02 * np.arange(9), valid_accuracy=[0.9] * 9)
    assert told(seen)["bce-for-single-label"] == "warn"


def test_a_few_evaluations_at_chance_say_nothing() -> None:
    assert told(of(train_loss=[2.64, 2.42, 2.29], train_accuracy=[0.1, 0.12, 0.14])) == {}
    assert told(of(train_loss=[2.301, 2.3018, 2.3012, 2.3015], train_accuracy=[0.1] * 4)) == {}


def test_a_loss_that_falls_each_time_does_not_stay_at_chance() -> None:
    train, valid = [2.4563, 2.4006, 2.3386, 2.3060, 2.3083], [2.4438, 2.3636, 2.3169, 2.2976, 2.2945]
    assert told(of(train_loss=train, valid_loss=valid, valid_accuracy=[0.15, 0.136, 0.146, 0.146, 0.146])) == {
        "lr-too-low": "warn"
    }


def test_what_is_only_likely_says_which_test_decides() -> None:
    found = of(train_loss=2.3 + EPOCHS, train_accuracy=[0.1] * 20).findings[0]
    assert found.evidence.endswith("a tenth of the rate, from the same start for 100 steps, decides")


# Traps: what looks wrong and is not


def healthy() -> dict[str, Diagnosis]:
    """Curves of trainings without a fault, each of another kind."""
    accuracy = learning(0.4, 0.985, noise=0.002)
    cosine = 0.05 * (1 + np.cos(np.pi * EPOCHS / 20))
    plateau = np.where(EPOCHS < 9, 2.3 + 0.002 * NOISE.standard_normal(20), 2.3 * np.exp(-(EPOCHS - 8) / 3) + 0.05)
    usual = {"train_loss": learning(1.5, 0.03), "valid_loss": learning(1.4, 0.06), "valid_accuracy": accuracy}
    restarts = np.abs(0.2 + 0.5 * ((EPOCHS % 5) == 1) * np.exp(-EPOCHS / 10))
    return {
        "usual": of(**usual),
        "one epoch": of(train_loss=[2.1], valid_loss=[1.7], valid_accuracy=[0.5]),
        "label smoothing": of(
            train_loss=learning(1.6, 0.503, noise=0), valid_accuracy=accuracy, train_accuracy=accuracy
        ),
        "mixup": of(train_loss=learning(2, 1.5), train_accuracy=learning(0.2, 0.55), valid_loss=learning(1.4, 0.2)),
        "dropout": of(train_loss=learning(1.9, 0.6), valid_loss=learning(1.4, 0.2), valid_accuracy=accuracy),
        "warm-up, cosine": of(**usual, lr=np.minimum(EPOCHS / 3, 1) * cosine),
        "restarts": of(train_loss=restarts, valid_loss=restarts + 0.05, lr=1 + np.cos(EPOCHS % 5)),
        "plateau, drop": of(train_loss=plateau, train_accuracy=np.where(EPOCHS < 9, 0.1, 0.95)),
        "99.7 %": of(
            images=10_000, test_loss=learning(0.1, 0.012, noise=0), test_accuracy=[0.9941, 0.996, 0.9967, 0.997]
        ),
        "tiny validation": of(images=12, valid_accuracy=[6 / 12, 9 / 12, 11 / 12, 1], valid_loss=[1.3, 0.8, 0.5, 0.4]),
        "linear on MNIST": of(test_loss=[0.3251, 0.3, 0.29, 0.285], test_accuracy=[0.9, 0.914, 0.918, 0.92]),
        "jump at a change of rate": of(train_loss=np.r_[learning(2, 0.3)[:10], [0.9], learning(0.8, 0.2)[:9]]),
        "imbalanced": of(2, valid_loss=learning(0.5, 0.3), valid_accuracy=learning(0.9, 0.93)),
    }


@pytest.mark.parametrize("name", list(healthy()))
def test_healthy_curves_stay_silent(name: str) -> None:
    seen = healthy()[name]
    assert [found for found in seen.findings if found.level != "info"] == []


def test_a_lower_validation_loss_is_explained() -> None:
    seen = healthy()["dropout"]
    assert any("below train/loss" in note and "no fault" in note for note in seen.notes)


def test_whatever_is_not_checked_is_told() -> None:
    for seen in healthy().values():
        assert sorted((*seen.checked, *seen.not_observable)) == sorted(FAULTS)
        assert "labels-misaligned" in seen.not_observable
        assert any("shuffled" in note for note in seen.notes)


# Files


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("loss", "train/loss"), ("val_loss", "valid/loss"), ("acc", "train/accuracy"), ("valAcc", "valid/accuracy"),
        ("Validation Accuracy", "valid/accuracy"), ("test/accuracy", "test/accuracy"), ("eval_loss", "valid/loss"),
        ("sparse_categorical_accuracy", "train/accuracy"), ("train_loss_epoch", "train/loss"),
        ("lr", "lr"), ("learning_rate", "lr"), ("lr-Adam", "lr"), ("global_step", "step"), ("Epoch", "epoch"),
        ("top5_acc", None), ("loss_std", None), ("time", None), ("", None), ("val_cross_entropy", "valid/loss"),
    ],
)  # fmt: skip
def test_names_of_columns(name: str, known: str | None) -> None:
    assert meaning(name) == known


def written(folder: Path, text: str | bytes, name: str = "curves.csv") -> Path:
    """The file."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ":1:1: the file is empty"),
        ("\n \n", ":1:1: the file is empty"),
        ("a,b\n1,2\n", ":1:1: no column"),
        ("1,2\n3,4\n", ":1:1: no column"),
        ("epoch,loss\n", ":1:1: there is a heading"),
        ("epoch,loss\n1,2.0\n2,abc\n", ":3:2: 'abc' is no number"),
        ("epoch,loss\n1,2.0\n2\n", ":3:2: 1 cells"),
        ("epoch,loss\n1,2.0\n2,1.5,1\n", ":3:3: 3 cells"),
        ("loss,loss\n1,2\n", ":1:2: two columns"),
        ("epoch,epoch,loss\n1,1,2\n", ":1:2: two columns"),
        (b"epoch,loss\n1,2\n2,\xff\xfe\n", ":3:3: byte 0xff"),
        (b"\x7fELF\x02\x01\x01\0\0", ":1:8: byte 0x00 is no text"),
        ("epoch,loss\n1,2\n".encode("utf-16-le"), ":1:2: byte 0x00 is no text"),  # and nothing says that it is UTF-16
        ("epoch,loss\n1,2\n".encode("utf-16")[:-1], ":2:8: byte 0x0a is no text"),
        ("epoch,loss\n1," + "0" * 200_000, ":2:1: field larger"),
        ("epoch,loss\n1,\n2,\n", ":1:1: the losses"),
    ],
)
def test_a_table_that_cannot_be_read_is_named_with_its_line(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(UsageError) as error:
        read_curves(written(tmp_path, text))
    assert f"curves.csv{said}" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", ":1:2:"),
        ('{"loss": [1.0,\n 0.5, ', ":2:7: Expecting value"),
        ("[1, 2]", ":1:1: row 1: no object"),
        ('{"loss": [1, "a"]}', ":1:1: entry 2: 'a' of 'loss' is no number"),
        ("3", ":1:1:"),
        ('{"x": [1]}', ":1:1: no column"),
    ],
)
def test_json_that_cannot_be_read_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_curves(written(tmp_path, text, "history.json"))


def test_lines_of_json_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    for end, said in (('{"loss": 2, "ep', ":4:13: Unterminated"), ("[]", ":4:1: no object"), ('{"loss": []}', ":4:1:")):
        with pytest.raises(UsageError, match=f"rows.jsonl{said}"):
            read_curves(written(tmp_path, f'{{"loss": 3}}\n\n{{"loss": 2.5}}\n{end}', "rows.jsonl"))


@pytest.mark.parametrize("name", ["zeros.csv", "zeros.json", "zeros.jsonl"])
def test_a_file_of_200_mb_is_refused_unread(tmp_path: Path, name: str) -> None:
    with (tmp_path / name).open("wb") as file:
        file.truncate(200_000_000)
    before = time.perf_counter()
    with pytest.raises(UsageError, match=f"{name}:1:1: 200 MB; curves are read up to 50 MB"):
        read_curves(tmp_path / name)
    assert time.perf_counter() - before < 0.1


def test_lines_of_nan_are_a_fault_of_the_training_and_not_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "epoch,loss,val_loss\n10,2.2,2.1\n20,nan,NaN\n30,nan,nan\n")
    found = diagnose_curves(read_curves(path)).findings[0]
    assert (found.fault, found.level) == ("non-finite", "fail")
    assert found.evidence.startswith("2 of the 3 values of train/loss are no")
    assert found.evidence.endswith("value 2 is the first, at epoch or step 20")


def test_an_accuracy_that_is_never_a_number_is_no_fault_of_the_file(tmp_path: Path) -> None:
    assert diagnose_curves(read_curves(written(tmp_path, "acc,loss\nnan,0.0\n"))).findings == ()


def test_every_way_of_writing_gives_the_same_curves(tmp_path: Path) -> None:
    loss, accuracy = [1.5, 1.0, 0.75], [0.5, 0.625, 0.75]
    rows = [{"epoch": n, "loss": a, "val_accuracy": b} for n, a, b in zip((1, 2, 3), loss, accuracy, strict=True)]
    lists = {"loss": loss, "val_accuracy": accuracy}
    comma = "epoch,loss,val_accuracy\n" + "".join(f"{r['epoch']},{r['loss']},{r['val_accuracy']}\n" for r in rows)
    percent = "".join(f"{r['epoch']}\t{r['loss']}\t{100 * r['val_accuracy']}%\n" for r in rows)
    decimal = comma.replace(",", ";").replace(".", ",")
    files = [
        written(tmp_path, comma), written(tmp_path, comma.encode("utf-16"), "wide.csv"),
        written(tmp_path, "Epoch\tLoss\tVal Acc\n" + percent, "percent.tsv"), written(tmp_path, decimal, "comma.csv"),
        written(tmp_path, json.dumps(lists), "keras.json"), written(tmp_path, json.dumps({"history": lists}), "a.json"),
        written(tmp_path, json.dumps({"log_history": rows}), "trainer.json"),
        written(tmp_path, "".join(json.dumps(row) + "\n" for row in rows), "rows.jsonl"),
    ]  # fmt: skip
    for path in files:
        curves = read_curves(path)
        assert curves.values("train/loss").tolist() == loss, path
        assert curves.values("valid/accuracy").tolist() == pytest.approx(accuracy), path


LIGHTNING = """epoch,lr-Adam,step,train_loss_epoch,train_loss_step,val_acc,val_loss
0,0.001,49,,1.9,,
0,,99,,1.5,,
0,,99,,,0.61,1.4
0,,99,1.7,,,
1,,199,,,0.71,1.05
1,,199,1.15,,,
"""
WANDB = """"Step","sweet-sun-7 - val_loss","sweet-sun-7 - val_loss__MIN"
"0","1.4","1.4"
"1","1.05","1.05"
"""


@pytest.mark.parametrize(
    ("name", "text", "losses"),
    [
        ("metrics.csv", LIGHTNING, {"train": [1.7, 1.15], "valid": [1.4, 1.05]}),
        ("log.csv", "epoch,accuracy,learning_rate,loss,val_loss\n0,0.5,0.1,1.7,1.4\n1,0.7,0.1,1.15,1.05\n",
         {"train": [1.7, 1.15], "valid": [1.4, 1.05]}),
        ("wandb.csv", WANDB, {"valid": [1.4, 1.05]}),
        ("printed.txt", "epoch  train_loss  val_loss\n1   1.7  1.4\n2   1.15   1.05\n",
         {"train": [1.7, 1.15], "valid": [1.4, 1.05]}),
        ("frame.csv", ",Train Loss,Val Loss\n0,1.7,1.4\n1,1.15,1.05\n", {"train": [1.7, 1.15], "valid": [1.4, 1.05]}),
        ("parts.json", '{"train": {"loss": [1.7, 1.15]}, "val": {"loss": [1.4, 1.05], "acc": [0.6, 0.7]}}',
         {"train": [1.7, 1.15], "valid": [1.4, 1.05]}),
        ("state.json", '{"log_history": [{"loss": 1.7, "epoch": 1.0, "step": 5}, {"eval_loss": 1.4, "epoch": 1.0}]}',
         {"train": [1.7], "valid": [1.4]}),
    ],
)  # fmt: skip
def test_files_that_other_tools_write(tmp_path: Path, name: str, text: str, losses: dict[str, list[float]]) -> None:
    curves = read_curves(written(tmp_path, text, name))
    assert {part: values.tolist() for part, values in curves.losses.items()} == losses


def test_lines_of_one_step_belong_together(tmp_path: Path) -> None:
    curves = read_curves(written(tmp_path, LIGHTNING))
    assert [values.tolist() for values in curves.both("valid")] == [[1.4, 1.05], [0.61, 0.71]]
    assert curves.whole("train/loss")[0].tolist() == curves.whole("valid/loss")[0].tolist() == [99, 199]


def test_two_runs_in_one_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"curves.csv:1:1: the curves of 2 runs, a, b: one training at a time"):
        read_curves(written(tmp_path, '"Step","a - val_loss","b - val_loss"\n0,1,2\n'))


def test_our_own_events_are_curves_too(tmp_path: Path) -> None:
    record = run(tiny(epochs=3), FolderStore(tmp_path))
    curves = read_curves(tmp_path / record.name / "events.jsonl")
    scored = [epoch.scores["valid/loss"] for epoch in record.epochs]
    assert curves.values("valid/loss").tolist() == scored
    assert curves.values("train/loss").tolist() == [epoch.scores["train/loss"] for epoch in record.epochs]


def test_event_files_of_tensorboard(tmp_path: Path) -> None:
    from torch.utils.tensorboard.writer import SummaryWriter

    with SummaryWriter(str(tmp_path / "logs")) as writer:
        for step in range(5):
            writer.add_scalar("val_loss", 1.4612 + 0.1 / (step + 1), step)
            writer.add_scalar("val_accuracy", 1 - 0.1 / (step + 1), step)
    with SummaryWriter(str(tmp_path / "keras" / "validation")) as writer:
        writer.add_scalar("epoch_loss", 0.5, 0)
    curves = read_curves(tmp_path / "logs")
    assert curves.values("valid/loss") == pytest.approx([1.4612 + 0.1 / (n + 1) for n in range(5)], abs=1e-6)
    assert told(diagnose_curves(curves))["softmax-before-cross-entropy"] == "fail"
    assert list(read_curves(tmp_path / "keras").scores) == ["valid/loss"]
    with pytest.raises(UsageError, match=":1"):
        read_curves(written(tmp_path, b"no events" * 9, "events.out.tfevents.1"))


def test_how_many_decimals_are_written_bounds_what_is_proved(tmp_path: Path) -> None:
    for digits, level in ((2, None), (3, None), (6, "fail")):
        rows = "".join(f"{n},{right / 10_048:.{digits}f}\n" for n, right in enumerate((9001, 9507, 9703)))
        curves = read_curves(written(tmp_path, "epoch,test_acc\n" + rows), images=10_000)
        assert told(diagnose_curves(curves)).get("wrong-accuracy") == level


def test_numbers_of_classes_and_images_must_be_some(tmp_path: Path) -> None:
    path = written(tmp_path, "loss\n1\n")
    for wrong in ({"classes": 1}, {"images": 0}):
        with pytest.raises(UsageError):
            read_curves(path, **wrong)


def test_the_command_on_curves(tmp_path: Path) -> None:
    fault = "epoch,val_loss,val_acc\n" + "".join(f"{n},{1.5612 - 0.01 * n},{0.9 + 0.01 * n}\n" for n in range(6))
    written(tmp_path, fault, "fault.csv")
    written(tmp_path, "epoch,val_loss,val_acc\n1,0.9,0.8\n2,0.5,0.9\n3,0.3,0.95\n", "fine.csv")
    written(tmp_path, "epoch,loss\n1,x\n", "bad.csv")
    seen = fairtrial("doctor", "fault.csv", "--classes", "10", "--json", cwd=tmp_path)
    plain = json.loads(seen.stdout)
    assert (seen.returncode, plain["findings"][0]["fault"]) == (1, "softmax-before-cross-entropy")
    assert {*plain["checked"], *plain["not_observable"]} == set(FAULTS)
    assert fairtrial("doctor", "fine.csv", cwd=tmp_path).returncode == 0
    bad = fairtrial("doctor", "bad.csv", cwd=tmp_path)
    assert (bad.returncode, bad.stderr) == (2, "fairtrial: bad.csv:2:2: 'x' is no number; leave gaps empty\n")
    written(tmp_path, b"PK\x03\x04\0\0", "zip.csv")
    packed = fairtrial("doctor", "zip.csv", cwd=tmp_path)
    assert (packed.returncode, packed.stderr[:50]) == (2, "fairtrial: zip.csv:1:5: byte 0x00 is no text; save")
    assert fairtrial("doctor", "none.csv", cwd=tmp_path).returncode == 2
    assert fairtrial("doctor", "fine.csv", "--classes", "1", cwd=tmp_path).returncode == 2


# Whatever stands in a file

CELL = st.one_of(st.floats().map(str), st.integers(-5, 5).map(str), st.sampled_from(["", "nan", "inf", "-", "x", "5%"]))
NAMES = st.sampled_from(["epoch", "step", "loss", "val_loss", "acc", "val_acc", "test_acc", "lr", "time"])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.lists(NAMES, min_size=1, max_size=5, unique=True), st.integers(0, 30), st.data())
def test_any_table_is_diagnosed_or_refused(tmp_path: Path, names: list[str], rows: int, data: st.DataObject) -> None:
    row = st.lists(CELL, min_size=len(names), max_size=len(names))
    text = "\n".join([",".join(names), *(",".join(data.draw(row)) for _ in range(rows))])
    with np.errstate(all="ignore"):
        try:
            seen = diagnose_curves(read_curves(written(tmp_path, text), images=100))
        except UsageError as error:
            assert "curves.csv:" in str(error)  # noqa: PT017
        else:
            assert all(0 < found.confidence <= 1 for found in seen.findings)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.sampled_from(["curves.csv", "rows.jsonl", "history.json"]))
def test_any_bytes_are_diagnosed_or_refused(tmp_path: Path, raw: bytes, name: str) -> None:
    try:
        diagnose_curves(read_curves(written(tmp_path, raw, name)))
    except UsageError as error:
        assert name in str(error)  # noqa: PT017


@settings(deadline=None)
@given(
    st.integers(2, 200),
    st.floats(0.5, 0.999),
    st.floats(1, 8),
    st.floats(0.001, 0.01),
    st.integers(5, 40),
    st.integers(0, 99),
)
def test_no_usual_curve_fails(classes: int, top: float, speed: float, noise: float, epochs: int, seed: int) -> None:
    """Losses from chance to what an accuracy of `top` costs, with noise and a gap to validation; rounded, too."""
    rng, places = np.random.default_rng(seed), np.arange(epochs)
    accuracy = np.clip(top - (top - 1 / classes) * np.exp(-places / speed) + noise * rng.standard_normal(epochs), 0, 1)
    loss = log(classes) * exp(0.1 * rng.random()) * (1 - accuracy) * 1.3 + 0.005
    scores = {"train_loss": loss, "valid_loss": loss * 1.1, "valid_accuracy": accuracy, "train_accuracy": accuracy}
    exact, short = told(of(classes, **scores)), told(of(classes, digits=2, **scores))
    assert "fail" not in {*exact.values(), *short.values()}
    assert {*short} <= {*exact, "under-trained", "over-trained"}  # whose noise is that of the curve
