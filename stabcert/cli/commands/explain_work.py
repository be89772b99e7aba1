"""The work of ``explain`` on one input: attributions, their agreement and movement, and the smallest stable mask."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from stabcert.cli.command import Beside, Command, Found
from stabcert.cli.commands.thresholds import nothing_left
from stabcert.cli.explanation import Choice, by_methods
from stabcert.cli.opening import Case
from stabcert.cli.options import ExplanationOptions
from stabcert.cli.parsing import parse_methods, parse_top_k
from stabcert.cli.reporting import report_of
from stabcert.core.comparison import Compared, Neighbourhood, movement
from stabcert.core.decisions import predict
from stabcert.core.mask_flags import Allowed
from stabcert.core.masks import ranking, top_k_mask
from stabcert.core.soft.minimal import check_search, smallest_stable_mask
from stabcert.core.soft.question import DEFAULT_MAX_SAMPLES
from stabcert.core.soft.stable_mask import SearchInterrupted
from stabcert.core.streams import Draws, Stream
from stabcert.errors import ParameterError
from stabcert.models.predictions import predictions_alone
from stabcert.records.explain import ExplainResult, StableSearch
from stabcert.records.findings import Status
from stabcert.report.record import Report

if TYPE_CHECKING:
    from stabcert.cli.commands.explain_options import EffortOptions, MethodOptions, StableOptions
    from stabcert.core.types import MaskedPredictor
    from stabcert.models.base import ModelPredictor
    from stabcert.report.canvas import Exhibit
    from stabcert.report.document import Document

_DEFAULT_NEIGHBOUR_SIGMA = 0.1  # the variance of 0.01 in the experiments of Agarwal et al.


@dataclass(frozen=True)
class ExplainFound(Found):
    """The comparison of attributions, their movement, and the search for a stable mask."""

    compared: tuple[Compared, ...] = ()
    neighbourhoods: tuple[Neighbourhood, ...] = ()


class Explain(Command[ExplainFound]):
    """``explain`` with its options and its request."""

    name: ClassVar[str] = "explain"
    several_methods: ClassVar[bool] = True

    def __init__(
        self,
        explanation: ExplanationOptions,
        method: MethodOptions,
        effort: EffortOptions,
        stable: StableOptions,
        *,
        seed: int,
    ) -> None:
        self._methods = parse_methods(explanation.method)
        self._explanation = explanation
        self._options = method.given()
        self._effort = effort
        self._until_stable = stable.until_stable
        self._family = stable.family or 1
        self._search: dict[str, Any] = {
            "radius": 1 if stable.radius is None else stable.radius,
            "min_rate": 0.9 if stable.min_rate is None else stable.min_rate,
            "delta": (0.1 if stable.delta is None else stable.delta) / self._family,
            "max_samples": DEFAULT_MAX_SAMPLES if stable.max_samples is None else stable.max_samples,
            "allow_vacuous": stable.allow_vacuous,
        }
        self._seed = seed
        self._check()

    def _check(self) -> None:
        """Check options that are impossible for every input.

        Raises:
            ParameterError: an option is impossible for every input.
        """
        from stabcert.explainers import check_effort, check_method

        for method in self._methods:
            check_method(method)
        check_effort(self._methods, self._options)
        sigma = self._effort.neighbour_sigma
        if sigma is not None and not 0 < sigma < math.inf:
            raise ParameterError(f"--neighbour-sigma must be above 0, got {sigma:g}. Use a number such as 0.1")
        if self._until_stable:
            names = ("radius", "min_rate", "delta", "max_samples")
            check_search(**{name: self._search[name] for name in names})

    def choose(self, predictor: ModelPredictor, draws: Draws) -> Choice:
        """Return the attributions, and the mask of the best features of the first one (k, or the smallest stable k)."""
        choice = by_methods(predictor, self._explanation, seed=self._seed, effort=self._options)
        if not self._until_stable:
            return choice
        scores, largest_k = choice.attributions[0].scores, self._largest_k(predictor)
        interrupted = False
        try:
            stable = smallest_stable_mask(
                predictor,
                scores,
                **self._search,
                largest_k=largest_k,
                rng=draws.generator(Stream.search, ranking(scores), self._of_draws()),
            )
        except SearchInterrupted as error:
            stable, interrupted = error.found, True
        mask = top_k_mask(scores, largest_k) if stable.mask is None else stable.mask
        return replace(choice, mask=mask, stable=stable, interrupted=interrupted)

    def certify(self, case: Case) -> ExplainFound:
        stable, interrupted = case.choice.stable, case.choice.interrupted
        status: Status = "certified"
        if interrupted:
            status = "undecided"
        elif stable is None:
            status = "reported"
        elif stable.k is None:
            # Without a tested size, the only obstacle is the class of the empty input.
            status = "not-certified" if stable.tested else "vacuous"
        compared = tuple(_compared(case))
        return ExplainFound(
            status,
            certificate=stable.certificate if stable is not None and status == "certified" else None,
            interrupted=interrupted,
            allowed=Allowed(vacuous=bool(self._search["allow_vacuous"])) if status == "certified" else Allowed(),
            compared=compared,
            neighbourhoods=self._neighbourhoods(case) if self._effort.neighbours and not interrupted else (),
        )

    def record(self, case: Case, found: ExplainFound, beside: Beside) -> Report:
        stable, searched = case.choice.stable, None
        if stable is not None:
            largest_k = self._largest_k(case.predictor)
            searched = StableSearch.of(stable, **self._search, largest_k=largest_k, family=self._family)
        result = ExplainResult.of(
            found.compared,
            case.class_names,
            neighbourhoods=found.neighbourhoods,
            until_stable=searched,
            interrupted=found.interrupted,
        )
        return report_of(self.name, case, found, beside, result.to_dict())

    def document(self, exhibit: Exhibit) -> Document:
        from stabcert.report.says.explain import explain_document

        return explain_document(exhibit, self._effort.show)

    def _of_draws(self) -> dict[str, Any]:
        """Return the settings that identify a draw. A search with larger limits continues with the same draws."""
        return {name: self._search[name] for name in ("radius", "min_rate", "delta")}

    def _largest_k(self, predictor: ModelPredictor) -> int:
        """Return the largest number of features to keep: all but one, because keeping all is trivially stable."""
        n = predictor.n_features
        if n == 1:
            raise nothing_left(n, "--until-stable")
        return min(parse_top_k(self._explanation.top_k or "100%", n), n - 1)

    def _neighbourhoods(self, case: Case) -> tuple[Neighbourhood, ...]:
        """Return the attributions of neighbours by the same methods, with the same draws and for the same class."""
        from stabcert.explainers import explain_all

        originals, k, effort = case.choice.attributions, int(case.choice.mask.sum()), self._effort
        sigma = _DEFAULT_NEIGHBOUR_SIGMA if effort.neighbour_sigma is None else effort.neighbour_sigma
        prediction = _prediction(case.predictor)
        found, same = [], 0
        for neighbour in self._neighbours(case, sigma):
            same += _prediction(neighbour) == prediction
            found.append(
                explain_all(
                    neighbour,
                    self._methods,
                    target=originals[0].target,
                    seed=self._seed,
                    options=self._options,
                )
            )
        return tuple(
            Neighbourhood(
                method=original.method,
                neighbours=len(found),
                sigma=sigma,
                movement=movement(original.scores, [moved[index].scores for moved in found], k),
                same_prediction=same,
            )
            for index, original in enumerate(originals)
        )

    def _neighbours(self, case: Case, sigma: float) -> Iterator[ModelPredictor]:
        from stabcert.models.neighbours import gaussian_neighbours

        rng = case.draws.apart(Stream.neighbours)
        for neighbour in gaussian_neighbours(case.predictor, count=self._effort.neighbours or 0, sigma=sigma, rng=rng):
            neighbour.on_progress = case.predictor.on_progress
            yield neighbour
            case.predictor.evaluations += neighbour.evaluations


def _compared(case: Case) -> list[Compared]:
    k, full = int(case.choice.mask.sum()), _prediction(case.predictor)
    masks = [top_k_mask(attribution.scores, k) for attribution in case.choice.attributions]
    said, _ = predictions_alone(case.predictor, np.stack(masks))
    return [
        Compared(attribution, mask, prediction, prediction.id == full)
        for attribution, mask, prediction in zip(case.choice.attributions, masks, said, strict=True)
    ]


def _prediction(predictor: MaskedPredictor) -> int:
    """Return the class that is predicted on the full input."""
    return int(predict(predictor, np.ones((1, predictor.n_features), dtype=np.bool_)).argmax())
