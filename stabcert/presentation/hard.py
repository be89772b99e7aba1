"""A certificate of `certify_hard` with the predictions that are shown beside it."""

from __future__ import annotations

import numpy as np

from stabcert.core.decisions import predict
from stabcert.core.hard.certificate import HardCertificate
from stabcert.core.hard.finding import HardFinding, Smoothed
from stabcert.core.prediction import Prediction
from stabcert.core.smoothing import SmoothedPredictor
from stabcert.core.types import Mask
from stabcert.errors import InputError
from stabcert.models.base import ModelPredictor
from stabcert.models.predictions import predictions_alone


def hard_finding(
    smoothed: SmoothedPredictor, predictor: ModelPredictor, certificate: HardCertificate, mask: Mask
) -> HardFinding:
    """Return a certificate of a smoothed predictor, its predictions, and those of the unsmoothed model.

    Raises:
        InputError: the certificate is not one of this smoothed predictor and mask, as far as that shows, or is one of
            Bernoulli noise, or features differ in their keep probability.
    """
    if certificate.noise != "quantized" or certificate.keep_probability is None:
        raise InputError(
            "certificate must be one of certify_hard with one keep probability for all features. Other certificates "
            "have no record here; use the command line with --model python:MODULE:NAME"
        )
    ones = np.ones(len(mask), dtype=np.bool_)
    of_mask, of_full = predict(smoothed, np.stack([mask, ones]))
    found = (certificate.n_features, certificate.n_selected, certificate.draws, certificate.prediction)
    masked = Prediction.of(of_mask, predictor.class_names)
    here = (len(mask), int(mask.sum()), len(smoothed.keep_masks), masked.id)
    votes = np.rint(of_mask * len(smoothed.keep_masks))
    same_votes = smoothed.scores != "vote" or np.array_equal(votes, certificate.votes)
    if found != here or not same_votes:
        raise InputError(
            f"certificate must be that of this predictor and mask, got {found} instead of {here} (features, kept ones, "
            "noise masks, predicted class), or other votes. Give the same predictor and mask"
        )
    full = None if certificate.full_prediction is None else Prediction.of(of_full, predictor.class_names)
    (plain, plain_masked), _ = predictions_alone(predictor, np.stack([ones, mask]))
    return HardFinding(
        smoothed=Smoothed(certificate, masked, full, certificate.seen.flags),
        direction="incremental" if full is None else "both",
        quantization=certificate.draws if certificate.draws > 1 else None,
        noise_seed=None,
        plain=plain,
        plain_masked=plain_masked,
        threshold=None,
        enumerated=None,
        attack=None,
        check=None,
    )
