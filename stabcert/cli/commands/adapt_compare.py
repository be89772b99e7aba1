"""The comparison of the original and the adapted model on the reporting inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stabcert.cli.call import Call
from stabcert.cli.commands.adapt_data import AdaptData, Given
from stabcert.cli.commands.adapt_request import AdaptRequest
from stabcert.cli.opening import out_of_memory_explained
from stabcert.cli.parsing import parse_batch_size, parse_top_k
from stabcert.cli.progress import Progress
from stabcert.core.adaptation.evaluate import compare_input
from stabcert.core.adaptation.summary import summarise_comparison
from stabcert.core.masks import top_k_mask
from stabcert.core.streams import SMOOTHING_STREAM, Draws, Stream, model_digest, noise_generator
from stabcert.errors import InputError
from stabcert.records.adaptation import Compared, Explained, ReportedInput, UsedInput

if TYPE_CHECKING:
    from stabcert.core.types import Attribution
    from stabcert.models.base import ModelPredictor
    from stabcert.models.hub import LoadedModel


@dataclass
class Cost:
    """The cost of the comparison."""

    evaluations: int = 0
    rechecked: int = 0
    drift: float = 0.0
    batch_size: int = 1

    def add(self, predictor: ModelPredictor) -> None:
        self.evaluations += predictor.evaluations
        self.rechecked += predictor.rechecked
        self.drift = max(self.drift, predictor.drift)
        self.batch_size = predictor.batches.largest


@dataclass(frozen=True)
class Comparing:
    """Both models, and how they are compared."""

    call: Call
    request: AdaptRequest
    data: AdaptData
    before: LoadedModel
    cost: Cost

    def check(self) -> int:
        """Refuse reporting inputs that the model cannot take, before it is trained; return how many of them are cut.

        Raises:
            InputError: names the input.
        """
        cut = 0
        for one in self.data.reporting:
            try:
                cut += bool(self._predictor(self.before, one).masked_input.settings.get("truncated"))
            except InputError as error:
                raise InputError(one.item.about(str(error))) from error
        return cut

    def run(self, after: LoadedModel) -> Compared:
        """Return the comparison on all reporting inputs.

        Raises:
            StabcertError: an input cannot be evaluated.
        """
        found: list[tuple[ReportedInput, Attribution, dict[str, Any], str]] = []
        with Progress(len(self.data.reporting), enabled=not self.call.running.quiet) as progress:
            for one in self.data.reporting:
                progress.begin(f"comparing {one.item.title}")
                with out_of_memory_explained(one.item.title):
                    found.append(self._input(one, after, progress))
                progress.finished()
        reported, attributions, maskings, kinds = zip(*found, strict=True)
        request = self.request
        return Compared(
            comparison=summarise_comparison([one.compared for one in reported], delta=request.delta),
            inputs=reported,
            settings=request.comparison,
            noise_seed=(request.settings.seed, SMOOTHING_STREAM),
            explained=Explained(attributions[0].method, attributions[0].settings, request.top_k, kinds[0], maskings[0]),
            report_share=self.data.report_share,
            clean_bound=request.settings.clean_loss,
            min_gain=request.min_gain,
        )

    def _input(
        self, one: Given, after: LoadedModel, progress: Progress
    ) -> tuple[ReportedInput, Attribution, dict[str, Any], str]:
        from stabcert.explainers import explain_all

        request = self.request
        original, adapted = self._predictor(self.before, one), self._predictor(after, one)
        original.on_progress = adapted.on_progress = progress.evaluated
        seed = request.settings.seed
        (attribution,) = explain_all(original, (request.attribution,), seed=seed)
        mask = top_k_mask(attribution.scores, parse_top_k(request.top_k, original.n_features))
        model = model_digest(self.before.sha256, self.before.config_sha256, self.before.id)
        compared = compare_input(
            original,
            adapted,
            mask,
            one.label,
            request.comparison,
            noise_rng=noise_generator(seed, SMOOTHING_STREAM),
            rng=Draws(seed, one.sha256, model, one.copy).generator(Stream.comparison, mask, self._of_draws()),
        )
        for predictor in (original, adapted):
            self.cost.add(predictor)
        used = UsedInput(one.item.id, one.sha256, one.label, "reporting")
        masking = {key: value for key, value in original.masked_input.settings.items() if key != "truncated"}
        return ReportedInput(used, mask, compared), attribution, masking, original.features.kind

    def _of_draws(self) -> dict[str, Any]:
        """Return what another draw belongs to, as plain values."""
        settings = self.request.comparison
        return {
            "keep_shares": [str(share) for share in settings.keep_shares],
            "masks": settings.masks,
            "radii": list(settings.radii),
            "n_samples": settings.n_samples,
            "lambdas": [str(share) for share in settings.lambdas],
            "draws": settings.draws,
            "noise": settings.noise,
        }

    def _predictor(self, model: LoadedModel, one: Given) -> ModelPredictor:
        asked, size = self.call.inputs, parse_batch_size(self.call.model.batch_size)
        source: Any = one.item.text
        if source is None:
            from stabcert.models.decode import decode_image

            source = decode_image(one.item.read(), name=str(one.item.path or one.item.title))
        return model.predictor(
            source, features=asked.features, baseline=asked.baseline, truncate=asked.truncate, batch_size=size
        )
