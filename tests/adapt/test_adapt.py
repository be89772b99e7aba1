"""Adaptation of a tiny classifier that masking misleads."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from stabcert.adapt.adapt import adapt, one_result
from stabcert.adapt.history import Adapted, Progress
from stabcert.adapt.settings import AdaptSettings, Method
from stabcert.errors import InputError, ModelError, ParameterError
from stabcert.models.heads import Outputs
from tests.adapt.tint import Tint, tint_model, tinted

FAST = AdaptSettings(temperature=1.0, epochs=3, learning_rate=0.1, batch_size=8, train_head=True)


def _adapt(settings: AdaptSettings = FAST, *, count: int = 40, labelled: bool = False, **options: Any) -> Adapted:
    model = options.pop("model", None) or tint_model()
    return adapt(model, tinted(count, labelled=labelled), settings, features="grid:4", **options)


@functools.cache
def _whole(settings: AdaptSettings = FAST) -> Adapted:
    """An adaptation without interruption, made once."""
    return _adapt(settings)


def _weights(adapted: Adapted) -> dict[str, torch.Tensor]:
    return dict(adapted.module.state_dict())


def _equal(first: Adapted, second: Adapted) -> bool:
    pairs = zip(_weights(first).values(), _weights(second).values(), strict=True)
    return first.history == second.history and all(torch.equal(one, other) for one, other in pairs)


class _StopAfter:
    """A request to stop after so many steps; the result of an epoch whose last step that was is not complete."""

    def __init__(self, steps: int) -> None:
        self._left = steps

    def options(self) -> dict[str, Any]:
        return {"on_progress": self._seen, "stop": lambda: self._left <= 0}

    def _seen(self, progress: Progress) -> None:
        self._left -= progress.phase == "training"


@pytest.mark.parametrize(("method", "rate"), [("full", 0.1), ("lora", 0.1), ("norm", 0.1)])
def test_masked_agreement_rises_and_clean_agreement_stays_within_its_bound(method: Method, rate: float) -> None:
    adapted = _adapt(dataclasses.replace(FAST, method=method, learning_rate=rate, epochs=6))
    assert adapted.original.masked < 0.75
    assert adapted.chosen.masked > adapted.original.masked + 0.1
    assert adapted.chosen.clean_agreement >= 1 - FAST.clean_loss
    assert adapted.epoch > 0
    assert [row.epoch for row in adapted.history] == list(range(7))


@pytest.mark.slow
def test_the_result_predicts_what_its_history_states() -> None:
    model, adapted = tint_model(), _whole()
    changed = dataclasses.replace(model, network=dataclasses.replace(model.network, module=adapted.module))
    held_out = [example for example in tinted(40) if example.id in adapted.held_out_ids]
    same = []
    for example in held_out:
        before, after = (each.predictor(example.data, features="grid:4") for each in (model, changed))  # type: ignore[arg-type]
        full = np.ones((1, 16), dtype=np.bool_)
        same.append(before(full).argmax() == after(full).argmax())
    assert len(held_out) == 8
    assert np.mean(same) == adapted.chosen.clean_agreement
    assert set(adapted.training_ids) | set(adapted.held_out_ids) == {example.id for example in tinted(40)}


def test_the_original_model_does_not_change_and_is_kept_where_nothing_is_better() -> None:
    model = tint_model()
    before = {key: value.clone() for key, value in model.network.module.state_dict().items()}
    adapted = _adapt(dataclasses.replace(FAST, learning_rate=100.0, interpolations=(1.0,), clean_loss=0.0), model=model)
    assert (adapted.epoch, adapted.interpolation) == (0, 0.0)
    assert "original model" in adapted.reason
    for weights in (model.network.module.state_dict(), _weights(adapted)):
        assert all(torch.equal(before[key], weights[key]) for key in before)


@pytest.mark.slow
def test_points_on_the_way_are_candidates() -> None:
    """A rate at which the trained weights lose more clean agreement than is allowed."""
    adapted = _adapt(dataclasses.replace(FAST, learning_rate=3.0, epochs=1, interpolations=(0.01, 0.02, 0.05, 1.0)))
    row = adapted.history[1]
    assert row.trained.clean_agreement < 0.98
    assert row.trained.masked_agreement is None
    assert row.quality.clean_agreement >= 0.98
    assert row.interpolation < 1


@pytest.mark.slow
def test_labels_measure_accuracy_and_train_by_their_weight() -> None:
    examples = [dataclasses.replace(e, label=1 - e.label) for e in tinted(40, labelled=True) if e.label is not None]
    held = AdaptSettings(
        temperature=1.0, epochs=6, learning_rate=0.3, batch_size=8, clean_loss=1.0, label_weight=1.0, train_head=True
    )
    adapted = adapt(tint_model(), examples, held, features="grid:4")
    assert adapted.original.clean_accuracy == 0.0
    assert adapted.history[-1].trained.clean_accuracy == 1.0


@pytest.mark.slow
def test_one_seed_gives_one_result_and_another_seed_another() -> None:
    assert _equal(_whole(), _adapt())
    assert not _equal(_whole(), _adapt(dataclasses.replace(FAST, seed=1)))


@pytest.mark.slow
@pytest.mark.parametrize("settings", [FAST, dataclasses.replace(FAST, method="lora", average=0.9)])
@pytest.mark.parametrize("steps", [2, 5, 9])
def test_resumed_equals_uninterrupted(settings: AdaptSettings, steps: int, tmp_path: Path) -> None:
    place = tmp_path / "state"
    stopped = _adapt(settings, checkpoint=place, **_StopAfter(steps).options())
    assert stopped.interrupted
    assert place.exists() == (steps > 4)  # an epoch has 4 steps
    resumed = _adapt(settings, checkpoint=place, resume=True)
    assert not resumed.interrupted
    assert _equal(resumed, _whole(settings))


def test_a_checkpoint_of_other_settings_or_inputs_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "state"
    _adapt(dataclasses.replace(FAST, epochs=1), checkpoint=place)
    with pytest.raises(ParameterError, match="epochs was 1 and is 3; copies was 2 and is 3"):
        _adapt(dataclasses.replace(FAST, copies=3), checkpoint=place, resume=True)
    with pytest.raises(ParameterError, match="the inputs are others"):
        _adapt(dataclasses.replace(FAST, epochs=1), count=30, checkpoint=place, resume=True)
    place.write_bytes(b"nothing")
    with pytest.raises(InputError, match="not a checkpoint"):
        _adapt(checkpoint=place, resume=True)


@pytest.mark.slow
def test_an_interrupted_adaptation_returns_the_best_so_far() -> None:
    whole = _whole()
    assert _adapt(stop=lambda: True).epoch == 0
    part = _adapt(**_StopAfter(9).options())
    assert part.interrupted
    assert part.history == whole.history[:3]
    assert part.chosen.masked == max(row.quality.masked for row in part.history)


@pytest.mark.slow
def test_an_interruption_between_candidates_keeps_those_that_were_measured(tmp_path: Path) -> None:
    part = _adapt(checkpoint=tmp_path / "state", **_StopAfter(8).options())
    assert part.interrupted
    assert len(part.history) == 3
    assert part.history[2].trained == _whole().history[2].trained
    assert _equal(_adapt(checkpoint=tmp_path / "state", resume=True), _whole())


@pytest.mark.slow
def test_less_memory_gives_the_same_weights_up_to_rounding() -> None:
    settings = dataclasses.replace(FAST, epochs=1)
    whole = _adapt(settings)
    halved = _adapt(settings, model=tint_model(largest_batch=6))
    assert (whole.micro_batch, halved.micro_batch) == (5, 2)
    for one, other in zip(_weights(whole).values(), _weights(halved).values(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_too_little_memory_for_one_input_is_an_error() -> None:
    with pytest.raises(ModelError, match="out of memory"):
        _adapt(model=tint_model(largest_batch=2))


def test_only_norms_change_with_norm() -> None:
    changed = _changed(_adapt(dataclasses.replace(FAST, method="norm")))
    assert changed == {"norm.weight", "norm.bias"}


@pytest.mark.slow
def test_statistics_of_batch_norms_stay() -> None:
    assert not any("running" in key or "tracked" in key for key in _changed(_whole()))


def _changed(adapted: Adapted) -> set[str]:
    return {
        key for key, value in Tint().state_dict().items() if not torch.equal(value, adapted.module.state_dict()[key])
    } - {
        "mix.bias"  # of random values in each Tint, then 0
    }


@pytest.mark.slow
def test_averages_train_as_well() -> None:
    adapted = _adapt(dataclasses.replace(FAST, average=0.5, epochs=5))
    assert adapted.chosen.masked > adapted.original.masked


@pytest.mark.slow
def test_inputs_are_divided_into_further_features_too() -> None:
    adapted = _adapt(dataclasses.replace(FAST, epochs=1, further_features=("grid:8", "grid:2")))
    assert adapted.settings["features"] == "grid:4"
    assert adapted.history[0] == _whole().history[0]
    assert adapted.history[1] != _whole().history[1]
    with pytest.raises(ParameterError, match="features='grid:99'"):
        _adapt(dataclasses.replace(FAST, further_features=("grid:99",)))


@pytest.mark.slow
def test_progress_counts_steps_and_shows_the_last_row() -> None:
    seen: list[Progress] = []
    _adapt(dataclasses.replace(FAST, epochs=2), on_progress=seen.append)
    assert [(p.phase, p.epoch, p.step, p.steps) for p in seen] == [
        *(("training", 1, step, 4) for step in (1, 2, 3, 4)),
        ("held-out", 1, 4, 4),
        *(("training", 2, step, 4) for step in (1, 2, 3, 4)),
        ("held-out", 2, 4, 4),
    ]
    assert [p.last.epoch for p in seen if p.last] == [0, 0, 0, 0, 1, 1, 1, 1, 1, 2]


def test_global_random_states_stay() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    _adapt(dataclasses.replace(FAST, epochs=1, method="lora"))
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002


def test_a_model_in_half_precision_is_refused() -> None:
    with pytest.raises(ParameterError, match="float32"):
        _adapt(model=tint_model(dtype=torch.bfloat16))


def test_a_network_without_norms_is_refused_for_norm() -> None:
    model = tint_model()
    model.network.module.norm = torch.nn.Identity()
    with pytest.raises(ParameterError, match="method=norm is not possible"):
        _adapt(dataclasses.replace(FAST, method="norm"), model=model)


def test_removed_patches_are_refused_where_patches_are_not_tokens() -> None:
    with pytest.raises(ParameterError, match="baseline='drop' is not possible"):
        _adapt(baseline="drop")


def test_a_text_among_images_is_refused() -> None:
    examples = [dataclasses.replace(example, data="a text") for example in tinted(40)]
    with pytest.raises(InputError, match="Give images"):
        adapt(tint_model(), examples, FAST)


@pytest.mark.slow
def test_settings_of_cuda_are_for_one_result_and_are_put_back() -> None:
    def found() -> tuple[bool, bool, bool]:
        algorithms, attention = torch.are_deterministic_algorithms_enabled(), torch.backends.cuda.flash_sdp_enabled()
        return algorithms, torch.backends.cudnn.deterministic, attention

    before = found()
    with one_result(torch.device("cuda")):
        assert found() == (True, True, False)
    with one_result(torch.device("cpu")):
        assert found() == before
    assert found() == before


def test_a_model_with_a_question_or_given_classes_is_refused() -> None:
    model = tint_model()
    for other in (
        dataclasses.replace(model, outputs=Outputs("classes", model.class_names)),
        dataclasses.replace(model, settings={"classes": ["yes", "no"]}),
    ):
        with pytest.raises(ParameterError, match=r"model must (predict one of several|have classes of its own)"):
            _adapt(model=other)
