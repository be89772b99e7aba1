"""Classifiers of tables: the interventional expectation by brute force, for arrays and frames of pandas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import LinearSVC

from stabcert import certify_soft, explain, from_estimator
from stabcert.errors import InputError, ModelError, StabcertError
from tests.models.doors.all_masks import every_mask

RNG = np.random.default_rng(0)
ARRAY = RNG.normal(size=(60, 5))
LABELS = (ARRAY[:, 0] * ARRAY[:, 1] + ARRAY[:, 2] > 0).astype(int)
FOREST = RandomForestClassifier(12, random_state=0).fit(ARRAY, LABELS)
LINEAR = LogisticRegression().fit(ARRAY, LABELS)
FRAME = pd.DataFrame(
    {
        "age": RNG.integers(18, 80, 60),
        "income": RNG.normal(50, 10, 60).astype(np.float32),
        "job": pd.Categorical(RNG.choice(["baker", "clerk", "smith"], 60)),
        "town": RNG.choice(["x", "y"], 60),
        "member": pd.array(RNG.choice([True, False, None], 60), dtype="boolean"),
    }
)
ANSWERS = np.where((FRAME.age > 45) ^ (FRAME.job == "baker"), "yes", "no")
PIPELINE = make_pipeline(
    make_column_transformer((OneHotEncoder(), ["job", "town", "member"]), remainder="passthrough"),
    RandomForestClassifier(15, random_state=0),
).fit(FRAME, ANSWERS)


def mean_over_rows(predict: Any, row: Any, background: Any, masks: Any) -> Any:
    """The definition, row by row."""
    return np.array([np.mean([predict(np.where(m, row, b)[None])[0] for b in background], axis=0) for m in masks])


@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.parametrize("given", [FOREST, FOREST.predict_proba, LINEAR, lambda table: LINEAR.predict_proba(table)])
def test_arrays_have_the_interventional_expectation(given: Any, rows: int) -> None:
    background = ARRAY[10 : 10 + rows]
    predictor = from_estimator(given, ARRAY[3], background[0] if rows == 1 else background)
    predict = getattr(given, "predict_proba", given)
    expected = mean_over_rows(predict, ARRAY[3], background, every_mask(5))
    assert np.ptp(expected[:, 0]) > 0.01
    assert np.abs(predictor(every_mask(5)) - expected).max() < 1e-12


@pytest.mark.parametrize("row", [FRAME.iloc[[3]], FRAME.iloc[3], FRAME.iloc[3].to_dict(), list(FRAME.iloc[3])])
@pytest.mark.parametrize("rows", [1, 5])
def test_frames_keep_their_names_and_types(row: Any, rows: int) -> None:
    seen: list[Any] = []

    def watched(table: pd.DataFrame) -> Any:
        seen.append(table)
        return PIPELINE.predict_proba(table)

    background = FRAME.iloc[20 : 20 + rows]
    predictor = from_estimator(watched, row, background)
    assert [feature.label for feature in predictor.features.items] == list(FRAME.columns)
    masks = every_mask(5)
    found = predictor(masks)
    assert all((table.dtypes == FRAME.dtypes).all() and list(table.columns) == list(FRAME.columns) for table in seen)
    for mask, probabilities in zip(masks, found, strict=True):
        table = background.copy()
        for kept, name in zip(mask, FRAME.columns, strict=True):
            if kept:
                table[name] = pd.concat([FRAME[name].iloc[[3]]] * rows).set_axis(background.index)
        assert np.abs(PIPELINE.predict_proba(table).mean(axis=0) - probabilities).max() < 1e-12


def test_a_classifier_of_a_frame_names_its_classes_and_is_certified() -> None:
    predictor = from_estimator(PIPELINE, FRAME.iloc[[3]], FRAME.sample(10, random_state=0))
    assert predictor.class_names == ("no", "yes")
    scores = explain(predictor, "occlusion").scores
    assert scores.shape == (5,)
    certificate = certify_soft(predictor, scores >= np.sort(scores)[-2], radius=1, rng=np.random.default_rng(0))
    assert certificate.rates[0].enumerated


def test_one_reference_row_may_be_a_series_of_the_frame() -> None:
    one = from_estimator(PIPELINE, FRAME.iloc[[3]], FRAME.iloc[7])
    other = from_estimator(PIPELINE, FRAME.iloc[[3]], FRAME.iloc[[7]])
    assert np.array_equal(one(every_mask(5)), other(every_mask(5)))


class Boosted:
    """The interface of xgboost's classifier: probabilities in float32."""

    classes_ = np.array([0, 1])

    def predict_proba(self, table: Any) -> Any:
        return LINEAR.predict_proba(table).astype(np.float32)


def test_float32_probabilities_make_wider_ties() -> None:
    for background in (ARRAY[4], ARRAY[4:9]):
        predictor = from_estimator(Boosted(), ARRAY[3], background)
        assert predictor.decision_tolerance == 1e-4
        expected = mean_over_rows(LINEAR.predict_proba, ARRAY[3], np.atleast_2d(background), every_mask(5))
        assert np.abs(predictor(every_mask(5)) - expected).max() < 1e-6
    assert predictor.class_names == ("0", "1")


def test_the_background_is_a_part_of_the_settings() -> None:
    one, other = (from_estimator(LINEAR, ARRAY[3], ARRAY[i : i + 3]).masked_input.settings for i in (4, 5))
    assert one["background_rows"] == 3
    assert one["table_sha256"] != other["table_sha256"]


def test_a_missing_value_is_a_value() -> None:
    frame = pd.DataFrame({"a": [1.0, np.nan, 3.0], "b": [0.0, 1.0, 2.0]})

    def predict(table: pd.DataFrame) -> Any:
        p = np.where(table.a.isna(), 0.9, 0.2)
        return np.stack([1 - p, p], axis=1)

    predictor = from_estimator(predict, frame.iloc[1], frame.iloc[[0]])
    assert np.allclose(predictor(np.array([[True, False], [False, True]]))[:, 1], [0.9, 0.2])


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((LinearSVC(), ARRAY[0], ARRAY), "CalibratedClassifierCV"),
        ((LinearRegression(), ARRAY[0], ARRAY), "predict_proba"),
        ((LogisticRegression, ARRAY[0], ARRAY), "Fit one first"),
        ((LogisticRegression(), ARRAY[0], ARRAY), "must be fitted first (NotFittedError"),
        ((torch.nn.Linear(5, 2), ARRAY[0], ARRAY), "from_module"),
        ((FRAME, PIPELINE, FRAME), "classifier first"),
        ((3, ARRAY[0], ARRAY), "Pipeline of scikit-learn"),
        ((LINEAR, ARRAY, ARRAY), "X[0]"),
        ((LINEAR, ARRAY[0], [[1.0, 2.0], [3.0]]), "one length"),
        ((LINEAR, None, ARRAY), "X[0]"),
        ((LINEAR, ARRAY[0], ARRAY[:, :4]), "5 values"),
        ((LINEAR, ARRAY[0], ARRAY[:0]), "X_train"),
        ((PIPELINE, FRAME.iloc[:2], FRAME), "X.iloc[[0]]"),
        ((PIPELINE, FRAME.iloc[[0]], FRAME.drop(columns="age")), "age"),
        ((PIPELINE, FRAME.iloc[[0]].assign(job="pilot"), FRAME), "category"),
        ((PIPELINE, FRAME.iloc[[0]].assign(age=30.5), FRAME), "age"),
        ((PIPELINE, FRAME.iloc[[0]], FRAME.to_numpy()), "DataFrame"),
        ((PIPELINE, FRAME.iloc[[0]], FRAME.iloc[:0]), "at least one row"),
    ],
)
def test_what_is_refused_and_what_the_message_names(arguments: Any, named: str) -> None:
    with pytest.raises(StabcertError) as error:
        from_estimator(*arguments)
    assert named in str(error.value)


def test_several_outputs_are_refused() -> None:
    forest = RandomForestClassifier(3, random_state=0).fit(ARRAY, np.stack([LABELS, 1 - LABELS], axis=1))
    with pytest.raises(ModelError, match="several outputs"):
        from_estimator(forest, ARRAY[0], ARRAY[:1])


def test_names_must_fit() -> None:
    with pytest.raises(InputError, match="5 distinct names"):
        from_estimator(LINEAR, ARRAY[0], ARRAY[:1], names=["a"])


@pytest.mark.parametrize(
    ("row", "background"),
    [
        ([1, 2.5, "a"], [[3, 4.5, "b"]]),
        (np.array([1, 2]), np.array([["1", "2"]])),
        (np.array([1, 2**53 + 1]), np.array([[0.5, 2.0]])),
        ({"a": 2**53 + 1}, pd.DataFrame({"a": [0.5]})),
        (pd.Series({"a": np.int64(2**53 + 1)}), pd.DataFrame({"a": [0.5]})),
    ],
)
def test_values_that_a_common_type_would_change_are_refused(row: Any, background: Any) -> None:
    with pytest.raises(InputError, match="type"):
        from_estimator(lambda table: np.tile([0.4, 0.6], (len(table), 1)), row, background)


def test_probabilities_that_are_whole_numbers_have_a_mean_that_is_not() -> None:
    classifier = lambda table: np.stack([table[:, 0] > 0, table[:, 0] <= 0], axis=1).astype(int)  # noqa: E731
    predictor = from_estimator(classifier, np.array([1.0, 2.0]), np.array([[-1.0, 0.0], [2.0, 1.0], [-3.0, 1.0]]))
    assert predictor(np.array([[False, True]]))[0] == pytest.approx([1 / 3, 2 / 3])
