"""A classifier of tables and one row, as a predictor: dropped features take values of the background."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from stabcert.core.given import door_of, is_one, is_table
from stabcert.core.types import Feature, Features, Masks
from stabcert.errors import InputError, ModelError
from stabcert.models.failures import reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stabcert.models.base import ModelPredictor
    from stabcert.models.batches import BatchSize

_WORK_OF_BLOCK = 512


def from_estimator(
    predict_proba: Any,
    row: Any,
    background: Any,
    *,
    names: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    precision: str | None = None,
    batch_size: BatchSize = "auto",
) -> ModelPredictor:
    """Make a predictor of a classifier of tables and one row: scikit-learn, xgboost, lightgbm and the like.

    With one background row b, the masked input is the row x with the value of b in every dropped column. With several
    rows b_1, ..., b_m the predictor is a mean over them::

        predictor(S) = (1 / m) * sum_i predict_proba(x on S, b_i elsewhere)

    This is the interventional (or marginal) expectation over the empirical background: dropped columns keep their
    dependence on each other and lose that on kept columns, so some rows are combinations that no data contain. Every
    mask costs m predictions. The background is a part of the certified function: with other rows the certificate is
    about another function. Nothing is sampled; all m rows are used for each mask.

    What is required of the classifier, and tested on three masks, is said in `from_function`. Row and background are
    copied. A classifier that is fitted again is another function: make another predictor of it.

    Args:
        predict_proba: a fitted classifier, its method ``predict_proba``, or a function that maps a table of k rows to
            ``(k, n_classes)`` probabilities.
        row: the explained row, ``(d,)`` or ``(1, d)``; for a frame of pandas one row of it, or a Series.
        background: one reference row ``(d,)``, or ``(m, d)`` rows; a DataFrame if the classifier reads frames. Its
            columns and their types are those of the tables that the classifier gets.
        names: a name for each feature; None: the names of the columns, otherwise ``column 0``, ...
        class_names: a name for each class; None: ``classes_`` of the classifier, otherwise ``class 0``, ...
        precision: see `from_function`; None: the type of the probabilities.
        batch_size: number of masks in a call.

    Raises:
        InputError: an argument is another kind of object (the message names the function for it), or the row does not
            fit the background.
        ParameterError: the precision does not exist.
        ModelError: the classifier fails, does not return probabilities, or returns others when it is repeated.

    Source: Janzing, Minorics, Bloebaum 2020, "Feature relevance quantification in explainable AI: A causal problem",
    for the interventional expectation.
    """
    predict, owner = _function_of(predict_proba)
    if isinstance(row, str) or callable(row):
        raise InputError(f"row must be one row of a table, got {type(row).__name__}. Use X[0], or X.iloc[[0]]")
    from stabcert.models.doors.function import predictor_of
    from stabcert.models.doors.rows import rows_of
    from stabcert.models.doors.tensor_features import check_names

    rows = rows_of(row, background)
    d = int(np.shape(row)[-1]) if rows.names is None else len(rows.names)
    labels = rows.names or tuple(f"column {i}" for i in range(d))
    features = Features(
        "column",
        tuple(Feature(label) for label in (labels if names is None else check_names(names, d))),
        (d,),
        ("column", "columns"),
    )
    name = f"the classifier {type(owner).__name__ if owner is not None else getattr(predict, '__name__', 'given')}"

    def read(found: Any, count: int) -> NDArray[Any]:
        from stabcert.models.doors.called import as_array, checked

        array = as_array(found, name)
        checked(array, count, name, None)
        return array

    def function(masks: Masks) -> Any:
        try:
            return rows.mean(predict, masks, read)
        except Exception as error:
            if type(error).__name__ == "NotFittedError":
                raise ModelError(f"{name} must be fitted first ({reason(error)}). Call its method fit") from error
            raise

    return predictor_of(
        function,
        features,
        {
            "features": "column",
            "baseline": "row" if rows.n_background == 1 else "mean over rows",
            "background_rows": rows.n_background,
            "table_sha256": _sha256(rows.at(_two_masks(d))),
        },
        name,
        class_names=_classes(owner) if class_names is None else class_names,
        precision=precision,
        batch_size=batch_size,
        cost=min(rows.n_background, _WORK_OF_BLOCK),
    )


def _two_masks(d: int) -> Masks:
    return np.stack([np.ones(d, dtype=np.bool_), np.zeros(d, dtype=np.bool_)])


def _function_of(given: Any) -> tuple[Any, Any]:
    """Return the function from tables to probabilities, and the classifier it belongs to.

    Raises:
        InputError: the object does not have such a function.
    """
    if is_one(given, "torch", "Module") or is_one(given, "transformers", "Pipeline") or is_table(given):
        hint = "Give the classifier first, then the row" if is_table(given) else f"Use {door_of(given)}"
        raise InputError(f"predict_proba must be a classifier of tables, got {type(given).__name__}. {hint}")
    if isinstance(given, type):
        raise InputError(f"predict_proba must be a fitted classifier, got the class {given.__name__}. Fit one first")
    method = _method(given)
    if method is not None:
        return method, given
    if callable(given):
        return given, getattr(given, "__self__", None)
    if hasattr(given, "decision_function"):
        advice = "Fit it in sklearn.calibration.CalibratedClassifierCV, which has predict_proba"
    elif hasattr(given, "predict"):
        advice = "Give a classifier with predict_proba, or use from_function with a function that returns probabilities"
    else:
        advice = "Give a fitted classifier, such as a Pipeline of scikit-learn"
    raise InputError(f"predict_proba must be a classifier of tables, got {type(given).__name__} without it. {advice}")


def _method(given: Any) -> Any:
    """Return the method ``predict_proba``; None without it. Some classifiers have it only after another setting."""
    try:
        return getattr(given, "predict_proba", None)
    except Exception as error:  # properties of foreign objects raise whatever they like
        raise InputError(f"predict_proba of {type(given).__name__} cannot be used ({error})") from error


def _classes(owner: Any) -> list[str] | None:
    classes = getattr(owner, "classes_", None)
    return None if classes is None or isinstance(classes, list) else [str(one) for one in classes]


def _sha256(table: Any) -> str:
    """Return the SHA-256 of a table: its columns with their types, and its values as text."""
    found = hashlib.sha256()
    if is_one(table, "pandas", "DataFrame"):
        found.update(repr([(str(name), str(dtype)) for name, dtype in table.dtypes.items()]).encode())
        values = table.to_numpy(dtype=object).tolist()
    else:
        found.update(str(table.dtype).encode())
        values = table.tolist()
    found.update(repr(values).encode())
    return found.hexdigest()
