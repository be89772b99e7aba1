"""The inputs of ``adapt``: collected, checked and divided by purpose before a model is loaded."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from stabcert.cli.call import Call
from stabcert.cli.commands.adapt_request import AdaptRequest
from stabcert.cli.inputs import Item, collect
from stabcert.cli.labels import class_of, give_labels
from stabcert.cli.options import InputOptions
from stabcert.cli.suffixes import COLUMNAR, TABLES, is_url, suffix_of
from stabcert.cli.text_files import is_there
from stabcert.core.adaptation.division import FEWEST, fewest_inputs, reporting_order, reporting_part
from stabcert.errors import InputError, ParameterError

if TYPE_CHECKING:
    from PIL import Image

    from stabcert.adapt.examples import Example

_LONGEST_SIDE = 1024
"""Photos are trained on at this size, far above that of any model's input, because all of them are in memory."""


@dataclass(frozen=True)
class Given:
    """One input with its hash."""

    item: Item
    sha256: str
    label: int | None = None
    """The class of its label, once the classes of the model are known."""
    copy: int = 0
    """Number of equal reporting inputs before it; each has draws of its own."""


@dataclass(frozen=True)
class AdaptData:
    """The inputs that train and choose, and those that are reported on."""

    training: tuple[Given, ...]
    """Those that choose are among them."""
    reporting: tuple[Given, ...]
    """The order depends on the seed and on their content alone."""
    report_share: float | None
    """The share that was drawn; None where the reporting inputs were named."""
    notes: tuple[str, ...]
    repeats_left_out: int = 0
    """Inputs that do not train because they are equal to a named reporting input, but were given apart from it."""

    @property
    def every(self) -> tuple[Given, ...]:
        return (*self.training, *self.reporting)

    @property
    def labelled(self) -> bool:
        return self.every[0].item.label is not None

    def with_classes(self, class_names: tuple[str, ...]) -> AdaptData:
        """Return the inputs with the classes of their labels.

        Raises:
            InputError: the model does not have the class of a label.
        """
        training, reporting = (
            tuple(
                one if one.item.label is None else replace(one, label=class_of(one.item.label, class_names))
                for one in part
            )
            for part in (self.training, self.reporting)
        )
        return replace(self, training=training, reporting=reporting)


@dataclass(frozen=True)
class Gathered:
    """All inputs with their labels, those to report on last if they were named."""

    items: tuple[Item, ...]
    named: int | None
    """Number of named reporting inputs; None where a share is drawn."""
    notes: tuple[str, ...]


def gather(call: Call, label_weight: float, labels: Path | None, report_on: Sequence[str]) -> Gathered:
    """Return all inputs.

    Raises:
        InputError: an input that cannot be used, or a label that does not fit.
        ParameterError: nothing was named, texts beside images, or labels are needed and missing.
    """
    offline = call.model.offline
    items = _collected(call.inputs, offline)
    named = [item for path in report_on for item in _collected(_named(path), offline)]
    found = give_labels([*items, *named], labels)
    for item in found.items:
        if item.problem is not None:
            raise item.problem
    _check_kinds(found.items)
    pair = next((item for item in found.items if item.text_pair is not None), None)
    if pair is not None:
        raise ParameterError(f"adapt trains on single texts, and {pair.title} is a pair. Leave the second texts out")
    if label_weight > 0 and not any(item.label is not None for item in found.items):
        raise ParameterError(
            f"--label-weight {label_weight:g} needs labels. Give --labels FILE, a label column in --inputs, or a "
            "directory with one folder for each class"
        )
    return Gathered(tuple(found.items), len(named) if report_on else None, found.notes)


def divide(gathered: Gathered, request: AdaptRequest) -> AdaptData:
    """Return the inputs by purpose.

    Raises:
        InputError: equal inputs with different labels, or too few inputs.
    """
    given = [Given(item, item.sha256()) for item in gathered.items]
    _check_equal(given)
    notes, split_at = gathered.notes, len(given) - (gathered.named or 0)
    training, reporting = given[:split_at], given[split_at:]
    _check_number(gathered, len({one.sha256 for one in given}), request)
    repeats = 0
    if gathered.named is not None:
        share, chosen = None, {one.sha256 for one in reporting}
        if len(chosen) < FEWEST:
            hint = _hint([one.item for one in reporting], "--report-on")
            raise InputError(
                f"--report-on must name at least {FEWEST} different inputs, got {len(chosen)}.{hint} Name more"
            )
        left = [one for one in training if one.sha256 not in chosen]
        if len(left) < len(training):
            number = len(training) - len(left)
            known = {place for one in reporting for place in (one.item.id, one.item.path)} - {None}
            repeats = sum(one.sha256 in chosen and not known & {one.item.id, one.item.path} for one in training)
            notes += (f"{number} of the inputs {'is' if number == 1 else 'are'} named by --report-on too: left out",)
        if not left:
            raise InputError("--report-on names every input, which leaves nothing to train on. Give other inputs too")
        training = left
    else:
        share = request.report_share
        chosen = set(reporting_part((one.sha256 for one in training), share=share, seed=request.settings.seed))
        reporting = [one for one in training if one.sha256 in chosen]
        training = [one for one in training if one.sha256 not in chosen]
    return AdaptData(tuple(training), _ordered(reporting, request.settings.seed), share, notes, repeats)


def examples_of(inputs: Sequence[Given]) -> list[Example]:
    """Return the inputs of a training, decoded.

    Raises:
        InputError: an image cannot be decoded.
    """
    from stabcert.adapt.examples import Example

    return [Example(one.item.id, _content(one.item), one.label, one.sha256) for one in inputs]


def _content(item: Item) -> Image.Image | str:
    if item.text is not None:
        return item.text
    from stabcert.models.decode import decode_image

    image = decode_image(item.read(), name=str(item.path or item.title)).image
    if max(image.size) > _LONGEST_SIDE:
        image.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    return image


def _collected(options: InputOptions, offline: bool) -> list[Item]:
    """Return the inputs of a folder, a file or a list; refuse an empty one with what to give instead."""
    for name in options.inputs or []:
        if not is_there(Path(name).exists) and name != "-" and not is_url(name):
            raise InputError(
                f"no such file: {name}. Give a folder of photos or .txt files, or write --inputs FILE for a "
                "list of texts"
            )
    try:
        return collect(options, labelled=True, offline=offline)
    except InputError as error:
        if not str(error).startswith("no images and no .txt files"):
            raise
        raise InputError(
            f"{error}. Put some hundred photos or texts into it, or write --inputs FILE for a list of texts"
        ) from error


def _check_number(gathered: Gathered, distinct: int, request: AdaptRequest) -> None:
    """Refuse fewer inputs than an adaptation needs, with the number that it does need.

    Raises:
        InputError: too few distinct inputs are to be divided by share.
    """
    if gathered.named is not None:
        return
    share, held_out = request.report_share, request.settings.held_out
    needed = fewest_inputs(share, held_out)
    if distinct >= needed:
        return
    hint = _hint(gathered.items, "--inputs")
    raise InputError(
        f"adapting needs {needed} distinct inputs or more with --report-share {share:g} and --held-out {held_out:g}, "
        f"got {distinct}.{hint} Give more inputs; some hundred are useful"
    )


def _hint(items: Sequence[Item], flag: str) -> str:
    """Return what to type for a file of texts that was read as one text; empty if there is not such a file."""
    whole = [item.path for item in items if item.listed is None and item.path and "\n" in (item.text or "").strip()]
    if not whole:
        return ""
    advice = f"write --inputs {whole[0]}" if flag == "--inputs" else "give a list such as .jsonl"
    return f" {whole[0]} was read as one text. For one text a line, {advice}."


def _named(path: str) -> InputOptions:
    """Return a folder, a file or a list as the inputs of a call."""
    return (
        InputOptions(inputs_file=Path(path)) if suffix_of(path) in (*TABLES, *COLUMNAR) else InputOptions(inputs=[path])
    )


def _check_kinds(items: Sequence[Item]) -> None:
    first = items[0]
    other = next((item for item in items if item.kind != first.kind), None)
    if other is not None:
        image, text = (first, other) if first.kind == "image" else (other, first)
        raise ParameterError(
            f"the inputs must be of one kind, got an image ({image.title}) and a text ({text.title}). Adapt to the "
            "inputs of one kind"
        )


def _check_equal(given: Sequence[Given]) -> None:
    """Refuse equal inputs with different labels: one of them is wrong."""
    seen: dict[str, Item] = {}
    for one in given:
        other = seen.setdefault(one.sha256, one.item)
        if (
            one.item.label is not None
            and other.label is not None
            and str(one.item.label.value) != str(other.label.value)
        ):
            raise InputError(
                f"{other.title} and {one.item.title} are equal inputs with different labels "
                f"({other.label.value}, {one.item.label.value}). Correct one of them"
            )


def _ordered(reporting: Sequence[Given], seed: int) -> tuple[Given, ...]:
    place = {
        sha256: number for number, sha256 in enumerate(reporting_order((one.sha256 for one in reporting), seed=seed))
    }
    seen: Counter[str] = Counter()
    found = []
    for one in sorted(reporting, key=lambda one: place[one.sha256]):
        found.append(replace(one, copy=seen[one.sha256]))
        seen[one.sha256] += 1
    return tuple(found)


def data_digest(data: AdaptData) -> str:
    """Return the hash of all inputs with their purposes and labels, as the key of the record contains it."""
    lines = sorted(
        f"{part}:{one.sha256}:{'' if one.item.label is None else one.item.label.value}"
        for part, inputs in (("training", data.training), ("reporting", data.reporting))
        for one in inputs
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
