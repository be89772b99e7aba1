"""The text around the input of a language model, the tokens of both, and those of the words that it answers with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stabcert.errors import InputError, ModelError, ParameterError
from stabcert.models.failures import failing, reason
from stabcert.models.tokenized import ADDED, Tokenized
from stabcert.models.wording import PLACE, Wording

_ANY_INPUT = "a"
_IN_FILES = " (in a file with an empty line, because the last line end of a file does not count)"
_SAME_DAY = "{%- macro strftime_now(format) -%}26 Jul 2024{%- endmacro -%}"
"""Beginning of every chat template: those that print the date would be another function on every day."""


@dataclass(frozen=True)
class Prompt:
    """The text before and after an input, and the answers that may follow it.

    Prompt, input and answer are tokenized as one text. So a word after a space of the prompt is the same token as
    elsewhere in a sentence. Tokens that contain a character of the input belong to the input, and all others to the
    prompt; white space alone decides only for tokens that contain nothing else. Tokens of the prompt are always kept.

    An answer is written after the prompt: with a space between them unless the prompt ends with white space or with a
    special token. Its tokens are those that it adds to the prompt.
    """

    before: str
    after: str
    adds_special: bool
    """True if the tokenizer adds its special tokens. Those at the end are left out, because the answer follows."""
    start: int | None
    """Id of a token before a prompt that has no token of its own, so that something is left without the input."""
    answers: tuple[str, ...] = ()
    """The text of each answer, with the space before it."""
    answer_ids: tuple[tuple[int, ...], ...] = ()
    """The tokens of each answer."""

    @property
    def text(self) -> str:
        """The prompt with `PLACE`."""
        return f"{self.before}{PLACE}{self.after}"

    def settings(self, wording: Wording, tokenizer: Any) -> dict[str, Any]:
        """Return what defines the function beside the model's files, JSON-ready."""
        start = {} if self.start is None else {"start": tokenizer.convert_ids_to_tokens(self.start)}
        return {
            "kind": "language model",
            "classes": list(wording.classes),
            "prompt": wording.prompt,
            "chat": wording.chat,
            "text": self.text,
            "text_sha256": hashlib.sha256(self.text.encode()).hexdigest(),
            **start,
            "answers": [
                {"text": text, "ids": list(ids), "tokens": tokenizer.convert_ids_to_tokens(list(ids))}
                for text, ids in zip(self.answers, self.answer_ids, strict=True)
            ],
            "probability": "product of the conditional probabilities of the tokens, normalised over the classes",
        }

    def tokenize(self, tokenizer: Any, texts: tuple[str, ...], *, limit: int | None, truncate: bool) -> Tokenized:
        """Return the tokens of the prompt with an input in its place; those of the prompt count as added.

        Args:
            tokenizer: the tokenizer of the prompt.
            texts: the input alone. Offsets count its characters.
            limit: number of tokens that the network reads at most; None without a limit.
            truncate: if True, the last tokens of an input that is too long are left out.

        Raises:
            InputError: a token belongs to prompt and input or to input and answer, or the tokens are too many.
        """
        (text,) = texts
        ids, offsets = self._encoded(tokenizer, self.before + text + self.after)
        places = self._places(text, offsets)
        for answer, expected in zip(self.answers, self.answer_ids, strict=True):
            if self._encoded(tokenizer, self.before + text + self.after + answer)[0] != [*ids, *expected]:
                raise InputError(
                    f"the tokenizer joins the end of the text with the answer {answer!r}. Write a prompt that ends "
                    "with words after the text, such as '{input} Answer:'"
                )
        shifted = [self._within(text, span) for span in offsets]
        total, own = len(ids), np.flatnonzero(places == 0)
        lost = 0 if limit is None else max(0, total - limit)
        if lost and not truncate:
            raise InputError(
                f"the prompt with the text has {total} tokens, but the model reads at most {limit} before its answer. "
                "Shorten it, or use truncate=True to cut the text"
            )
        if lost >= len(own) > 0:
            raise InputError(
                f"the prompt alone has {total - len(own)} tokens, but the model reads at most {limit} before its "
                "answer. Shorten the prompt"
            )
        kept = np.setdiff1d(np.arange(total), own[len(own) - lost :])
        encoding = {
            "input_ids": [ids[i] for i in kept],
            "offset_mapping": [shifted[i] for i in kept],
            "special_tokens_mask": [int(places[i] == ADDED) for i in kept],
        }
        return Tokenized((text,), encoding, places[kept], total, (lost,))

    def first_tokens(self, tokenizer: Any) -> tuple[int, ...]:
        """Return the tokens before the input of every text, the last of them left out: it may belong to the input."""
        ids, offsets = self._encoded(tokenizer, self.before + _ANY_INPUT + self.after)
        return tuple(ids[i] for i, (_, end) in enumerate(offsets) if end <= len(self.before.rstrip()))[:-1]

    def _encoded(self, tokenizer: Any, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Return ids and offsets of a text, without the special tokens that the tokenizer adds at its end."""
        with failing(f"the tokenizer {type(tokenizer).__name__}"):
            encoding = tokenizer(
                text,
                add_special_tokens=self.adds_special,
                padding=False,
                truncation=False,
                return_offsets_mapping=True,
                return_special_tokens_mask=True,
                verbose=False,
            )
        ids = [int(token) for token in encoding["input_ids"]]
        offsets = [(int(start), int(end)) for start, end in encoding["offset_mapping"]]
        special = encoding["special_tokens_mask"]
        while ids and special[len(ids) - 1] and offsets[-1][0] == offsets[-1][1] and len(ids) > 1:
            ids, offsets = ids[:-1], offsets[:-1]
        return ([self.start, *ids], [(0, 0), *offsets]) if self.start is not None else (ids, offsets)

    def _places(self, text: str, offsets: Sequence[tuple[int, int]], *, apart: bool = True) -> NDArray[np.int64]:
        """Return 0 for tokens of the input and `ADDED` for those of the prompt.

        Raises:
            InputError: with ``apart``, a token belongs to both.
        """
        places = np.full(len(offsets), ADDED, dtype=np.int64)
        full, low, high = self.before + text + self.after, len(self.before), len(self.before) + len(text)
        for number, (start, end) in enumerate(offsets):
            inside = full[max(start, low) : min(end, high)]
            outside = full[start : min(end, low)] + full[max(start, high) : end]
            if apart and inside.strip() and outside.strip():
                raise InputError(
                    f"the tokenizer joins {full[start:end]!r}, a part of the prompt and of the text. Put a space or a "
                    f"line end before and after {PLACE} in the prompt"
                )
            if not outside.strip() and (inside.strip() or (inside and not outside)):
                places[number] = 0
        own = np.flatnonzero(places == 0)
        for number, (start, end) in enumerate(offsets):
            if start == end and len(own) and own[0] < number < own[-1]:
                places[number] = 0
        return places

    def _within(self, text: str, span: tuple[int, int]) -> tuple[int, int]:
        start, end = (min(max(0, place - len(self.before)), len(text)) for place in span)
        return start, end


def make_prompt(name: str, tokenizer: Any, wording: Wording) -> Prompt:
    """Return the prompt of a wording with the tokens of its answers.

    Raises:
        ModelError: the tokenizer has no chat template that can be used, or neither a token that begins a text nor one
            that ends it.
        ParameterError: the prompt and an answer share a token, or the tokens of an answer begin those of another.
    """
    before, after = (wording.prompt or PLACE).split(PLACE)
    if wording.chat:
        before, after = _in_chat(name, tokenizer, before, after)
    prompt = Prompt(before, after, adds_special=not wording.chat, start=None)
    ids, offsets = prompt._encoded(tokenizer, before + _ANY_INPUT + after)
    if not (prompt._places(_ANY_INPUT, offsets, apart=False) == ADDED).any():
        start = next((t for t in (tokenizer.bos_token_id, tokenizer.eos_token_id) if t is not None), None)
        if start is None:
            raise ModelError(
                f"the tokenizer of {name} has no token that begins a text, so nothing would be left when all words are "
                f"removed. Give a prompt with words around {PLACE}"
            )
        prompt = Prompt(before, after, adds_special=not wording.chat, start=int(start))
        ids, _ = prompt._encoded(tokenizer, before + _ANY_INPUT + after)
    joined = bool(after) and (after[-1].isspace() or ids[-1] in tokenizer.all_special_ids)
    answers = tuple(("" if joined else " ") + one for one in wording.classes)
    answer_ids = tuple(_answer_ids(prompt, tokenizer, ids, answer) for answer in answers)
    _check_distinct(answers, answer_ids)
    return Prompt(before, after, prompt.adds_special, prompt.start, answers, answer_ids)


def _in_chat(name: str, tokenizer: Any, before: str, after: str) -> tuple[str, str]:
    """Return the text before and after the input in the tokenizer's chat template, ready for the answer."""
    if not getattr(tokenizer, "chat_template", None):
        raise ParameterError(
            f"chat is not possible, because the tokenizer of {name} has no template for it. Leave it out", "chat"
        )
    mark = "\ue000input\ue001"  # private characters, which no template changes
    try:
        text = tokenizer.apply_chat_template(
            [{"role": "user", "content": before + mark + after}],
            tokenize=False,
            add_generation_prompt=True,
            chat_template=_SAME_DAY + tokenizer.get_chat_template(),
        )
    except Exception as error:  # a template is a program
        raise ModelError(
            f"the chat template of {name} cannot be used ({reason(error)}). Leave out chat=True"
        ) from error
    if text.count(mark) != 1:
        raise ModelError(
            f"the chat template of {name} contains the message {text.count(mark)} times instead of once. Leave out "
            "chat=True, and write the template into the prompt"
        )
    start, end = text.split(mark)
    return start, end


def _answer_ids(prompt: Prompt, tokenizer: Any, ids: list[int], answer: str) -> tuple[int, ...]:
    joint, _ = prompt._encoded(tokenizer, prompt.before + _ANY_INPUT + prompt.after + answer)
    if joint[: len(ids)] != ids or len(joint) == len(ids):
        space = prompt.after[-1:].isspace()
        raise ParameterError(
            f"prompt shares a token with the answer {answer!r}. "
            + (
                "Remove the white space at its end"
                if space
                else f"End it with a line end{_IN_FILES}, or with another sign"
            ),
            "prompt",
        )
    found = tuple(joint[len(ids) :])
    if tokenizer.unk_token_id in found:
        raise ParameterError(
            f"classes must be words that the model's tokenizer knows, got {answer.strip()!r}. Use another word",
            "classes",
        )
    return found


def _check_distinct(answers: Sequence[str], answer_ids: Sequence[tuple[int, ...]]) -> None:
    for first, ids in zip(answers, answer_ids, strict=True):
        for second, others in zip(answers, answer_ids, strict=True):
            if first is not second and others[: len(ids)] == ids:
                raise ParameterError(
                    f"classes must not begin with one another, but the tokens of {first.strip()!r} begin those of "
                    f"{second.strip()!r}, which could never be more probable. Use other words",
                    "classes",
                )
