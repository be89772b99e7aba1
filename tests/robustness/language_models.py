"""Prompts, answers and chat templates that cannot be used with a language model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.robustness.case import Build, Workshop, cases
from tests.robustness.workshop import SENTENCE

AREA = "language models"


def _model(*options: str, prompt: bytes | str | None = "Is it? {input}\n:", chat: str | None = None) -> Build:
    """A tiny language model with the given options, a prompt in a file and, with ``chat``, another chat template."""

    def build(shop: Workshop) -> Sequence[object]:
        from tests.tiny_language_models import language_tokenizer, save_language_model

        save_language_model(Path("model"), "llama", begins=True, seed=3)
        if chat is not None:
            tokenizer = language_tokenizer(begins=True)
            tokenizer.chat_template = chat or None
            tokenizer.save_pretrained("model")
            if not chat:
                Path("model/chat_template.jinja").unlink(missing_ok=True)
        given = [] if prompt is None else ["--prompt", shop.write("prompt.txt", prompt)]
        return ["explain", "-t", SENTENCE, "-m", "model", "--method", "random", *given, *options, "--json"]

    return build


CASES = cases(
    AREA,
    ("no classes", _model(prompt=None), 3, "Name the words that it answers with"),
    ("answers that begin with one another", _model("--classes", "x,xa"), 2, "must not begin with one another"),
    ("a prompt without a place", _model("--classes", "x,y", prompt="Is it?"), 2, "--prompt must contain {input} once"),
    ("a prompt that is not text", _model("--classes", "x,y", prompt=b"\xff\xfe{input}"), 3, "prompt.txt"),
    (
        "a prompt that ends with a space",
        _model("--classes", "good,x", prompt="Is it? {input} "),
        2,
        "Remove the white space at its end",
    ),
    (
        "a prompt that touches the text",
        _model("--classes", "x,y", "-t", "a film", prompt="b{input}?"),
        3,
        "joins 'ba', a part of the prompt and of the text",
    ),
    (
        "a prompt that is too long",
        _model("--classes", "x,y", "--truncate", prompt="b " * 200 + "{input}"),
        3,
        "alone has",
    ),
    ("a chat without a template", _model("--classes", "x,y", "--chat", chat=""), 2, "has no template for it"),
    (
        "a chat template that fails",
        _model("--classes", "x,y", "--chat", chat="{{ messages[9].content }}{{ 1 / 0 }}"),
        3,
        "the chat template of model cannot be used",
    ),
    (
        "a chat template without the message",
        _model("--classes", "x,y", "--chat", chat="hello"),
        3,
        "contains the message 0 times instead of once",
    ),
)
