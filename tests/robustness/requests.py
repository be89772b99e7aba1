"""Requests that are wrong, or that cannot be met: radius, lambda, k, thresholds."""

from __future__ import annotations

from collections.abc import Sequence

from tests.robustness.case import Build, Workshop, cases
from tests.robustness.workshop import SENTENCE

AREA = "requests"


def _ask(command: str, *options: object, method: str = "random") -> Build:
    return lambda shop: [command, "-t", SENTENCE, "-m", shop.text_model, "--method", method, *options, "--json"]


def _each(*options: object, command: str = "certify-soft") -> Build:
    """Two inputs, and no end at the first failure."""
    texts = ["-t", SENTENCE, "-t", "a bad film"]
    return lambda shop: [
        command,
        *texts,
        "-m",
        shop.text_model,
        "--method",
        "random",
        "--keep-going",
        *options,
        "--json",
    ]


def _labelled(shop: Workshop, *options: object) -> Sequence[object]:
    listing = shop.write("list.csv", "text,label\na great film,positive\nthe bad movie,negative\n")
    return ["smooth-eval", "--inputs", listing, "-m", shop.text_model, "--method", "random", *options, "--json"]


CASES = cases(
    AREA,
    ("a rate in percent", _ask("certify-soft", "--min-rate", 90), 2, "got 90. For 90% use --min-rate 0.9"),
    ("a largest radius without a rate", _ask("certify-soft", "--largest-radius"), 2, "Add --min-rate RATE"),
    ("two methods for one mask", _ask("certify-hard", method="lime,random"), 2, "Use --method lime"),
    ("a device that is none", _ask("fourier", "--device", "gpu"), 2, "Use auto, cpu, cuda"),
    ("radius 0", _ask("certify-soft", "-r", 0), 0, "reported"),
    (
        "a radius larger than what is left",
        _ask("certify-soft", "-r", 99),
        2,
        "radius must be from 0 to 7, got 99",
    ),
    ("a negative radius", _ask("certify-soft", "--radius=-1"), 2, "--radius '-1' is not a radius"),
    ("a radius that is no number", _ask("certify-soft", "-r", "two"), 2, "Write 4, 1,2,5, 1:10 or all"),
    ("a radius in Arabic digits", _ask("certify-soft", "-r", "٣"), 2, "Write 4, 1,2,5, 1:10 or all"),
    ("a radius of 400 digits", _ask("certify-soft", "-r", "9" * 400), 2, "Write 4, 1,2,5, 1:10 or all"),
    ("a range of 10^9 radii", _ask("certify-soft", "-r", "0:999999999"), 2, "names more than 10000 radii"),
    ("a range that goes down", _ask("certify-soft", "-r", "5:1"), 2, "is not a radius"),
    (
        "a radius of explain that is negative",
        _ask("explain", "--until-stable", "--radius=-1"),
        2,
        "Invalid value for '--radius'",
    ),
    (
        "a radius of explain larger than what is left",
        _ask("explain", "--until-stable", "-r", 99, "--allow-vacuous"),
        0,
        "certified",
    ),
    ("lambda 0", _ask("certify-hard", "--lambda", "0"), 2, "--lambda 0 is not possible"),
    ("lambda 1", _ask("certify-hard", "--lambda", "1"), 0, "reported"),
    ("lambda above 1", _ask("certify-hard", "--lambda", "65/64"), 2, "Use a share above 0 and at most 1"),
    ("a negative lambda", _ask("certify-hard", "--lambda=-1/64"), 2, "is not a fraction, a decimal or auto"),
    ("lambda off the grid", _ask("certify-hard", "--lambda", "0.3"), 2, "19/64"),
    (
        "lambda with a denominator of 0",
        _ask("certify-hard", "--lambda", "1/0"),
        2,
        "is not a fraction, a decimal or auto",
    ),
    ("lambda NaN", _ask("certify-hard", "--lambda", "nan"), 2, "is not a fraction, a decimal or auto"),
    ("lambda with 5,000 digits", _ask("certify-hard", "--lambda", "0." + "1" * 5000), 2, "--lambda"),
    ("smoothing with lambda 0", _ask("certify-soft", "--smooth", "0"), 0, "reported"),
    ("smoothing with lambda NaN", _ask("certify-soft", "--smooth", "nan"), 2, "--smooth"),
    ("a choice of lambdas that are none", _ask("certify-soft", "--smooth", "auto:0,1"), 2, "auto:1/2,1/4"),
    (
        "a choice of lambda for Bernoulli noise",
        _ask("certify-hard", "--noise", "bernoulli", "-l", "auto"),
        2,
        "--lambda",
    ),
    (
        "a list of lambdas with 0",
        lambda shop: _labelled(shop, "--lambdas", "1,0"),
        2,
        "contains 0, which is not possible",
    ),
    (
        "a list of lambdas off the grid",
        lambda shop: _labelled(shop, "--noise", "quantized", "--lambdas", "1,0.3"),
        2,
        "19/64",
    ),
    ("a spectrum with lambda 2", _ask("fourier", "--lambdas", "2"), 2, "lambda"),
    ("a basis biased by 0", _ask("fourier", "--basis", "biased:0"), 2, "biased"),
    ("a degree above n", _ask("fourier", "--degree", 10), 2, "from 0 to 9"),
    ("a spectrum of more features than there are", _ask("fourier", "--exact-max", 4, "--restrict", 10), 2, "1 to 9"),
    ("k = 0", _ask("explain", "-k", 0), 2, "--top-k 0 is not possible"),
    ("k > n", _ask("explain", "-k", 10), 2, "Use 1 to 9"),
    ("k of 1,000,000,000 digits in short", _ask("explain", "-k", "1e999999999"), 2, "Use 1 to 9"),
    ("k NaN", _ask("explain", "-k", "nan"), 2, "is not a number"),
    ("k = 100%", _ask("explain", "-k", "100%"), 0, "9 of 9"),
    (
        "k = 100% with a rate to reach",
        _ask("certify-soft", "-k", "100%", "--min-rate", "0.9"),
        2,
        "the explanation keeps all features, so that nothing is left to add",
    ),
    (
        "one word with a search",
        lambda shop: ["explain", "-t", "film", "-m", shop.text_model, "--method", "random", "--until-stable"],
        2,
        "the explanation keeps the only feature, so that nothing is left to add",
    ),
    ("a delta of 0", _ask("certify-soft", "--delta", 0), 2, "between 0 and 1"),
    ("a delta of NaN", _ask("certify-soft", "--delta", "nan"), 2, "between 0 and 1"),
    ("an epsilon of 0", _ask("certify-soft", "--epsilon", 0), 2, "epsilon"),
    ("an epsilon of 10^-200", _ask("certify-soft", "--epsilon", "1e-200"), 2, "epsilon"),
    ("a sample size of 0", _ask("certify-soft", "--n-samples", 0), 2, "samples"),
    ("a rate above 1", _ask("certify-soft", "--min-rate", "1.5"), 2, "rate"),
    ("a rate of NaN", _ask("certify-soft", "--min-rate", "nan"), 2, "rate"),
    (
        "a rate that the samples cannot show",
        _ask("certify-soft", "-r", 7, "--min-rate", "0.999", "--max-samples", 10),
        2,
        "--max-samples",
    ),
    (
        "leave to certify another class, without a threshold",
        _ask("certify-soft", "--allow-inconsistent"),
        2,
        "--allow-inconsistent without --min-rate",
    ),
    (
        "leave to certify nothing, without a threshold",
        _ask("certify-hard", "--allow-vacuous"),
        2,
        "--allow-vacuous without --min-radius",
    ),
    (
        "leave to certify nothing, without a search",
        _ask("explain", "--allow-vacuous"),
        2,
        "--allow-vacuous without --until-stable",
    ),
    (
        "a radius upwards alone, which does not tell whether the mask is consistent",
        _ask("certify-hard", "--noise", "bernoulli", "--direction", "incremental", "--min-radius", 1),
        2,
        "add --allow-inconsistent",
    ),
    ("a rate that is met for nothing", _ask("certify-soft", "-r", 1, "--min-rate", 0.1), 1, "vacuous"),
    (
        "the same with leave",
        _ask("certify-soft", "-r", 1, "--min-rate", 0.1, "--allow-vacuous", "--allow-inconsistent"),
        0,
        "certified",
    ),
    (
        "an accuracy of NaN",
        lambda shop: _labelled(shop, "--min-accuracy", "nan"),
        2,
        "Invalid value for '--min-accuracy'",
    ),
    (
        "a radius of certify-hard that cannot be reached",
        _ask("certify-hard", "--min-radius", 99),
        2,
        "--min-radius must be at most",
    ),
    ("a quantization of 1", _ask("certify-hard", "--quantization", 1), 2, "Invalid value for '--quantization'"),
    ("a seed below 0", _ask("explain", "--seed=-1"), 2, "Invalid value for '--seed'"),
    ("a seed of 30 digits", _ask("explain", "--seed", 10**29), 0, "reported"),
    ("a class of 5,000 digits", _ask("explain", "--target", "9" * 5000), 2, "does not exist"),
    ("a class in superscript digits", _ask("explain", "--target", "²"), 2, "the model has no class"),
    ("a batch in Arabic digits", _ask("explain", "-b", "٣"), 0, "reported"),
    ("a batch of 5,000 digits", _ask("explain", "-b", "9" * 5000), 2, "--batch-size"),
    ("a part 3 of 2", _ask("explain", "--shard", "3/2"), 2, "--shard must be I/N with I from 1 to N"),
    (
        "a grid of 99 cells a side",
        lambda shop: ["explain", "photo.png", "-m", shop.image_model, "--features", "grid:99"],
        3,
        "no such file: photo.png",
    ),
    ("features that texts do not have, for each input", _each("--features", "pixel"), 2, "word"),
    ("a baseline that texts do not have, for each input", _each("--baseline", "blur"), 2, "remove"),
    ("a class that does not exist, for each input", _each("--target", "furious"), 2, "no class 'furious'"),
    ("k = 0 for each input", _each("-k", 0), 2, "--top-k 0 is not possible"),
    ("k = 200% for each input", _each("-k", "200%"), 2, "at most 100%"),
    ("a k that one of two inputs has", _each("-k", 5, command="explain"), 4, "Use 1 to 3"),
    ("a radius that one of two inputs has", _each("-r", 4), 4, "got 4, because"),
)
