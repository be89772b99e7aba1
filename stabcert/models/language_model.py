"""A language model as a classifier: its classes are the words that it may answer with."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch

from stabcert.errors import ModelError
from stabcert.models.failures import failing
from stabcert.models.networks import Loaded, TextNetwork
from stabcert.models.prefix import LEAST, SharedPrefix
from stabcert.models.prompt import make_prompt
from stabcert.models.removal import Removal
from stabcert.models.removal_probe import probe_removal
from stabcert.models.running import accepts
from stabcert.models.sequences import in_float32, ordinary_ids
from stabcert.models.wording import Wording

_PROBED = 8
_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Answered:
    """The result of `AnswerNetwork`, named as classifiers of transformers name it."""

    logits: torch.Tensor
    """``(k, n_answers)``."""


class AnswerNetwork(torch.nn.Module):
    """A causal language model as a classifier of token sequences; the logits are those of its answers.

    The logit of an answer is the log-probability that its tokens follow the sequence: the sum over its tokens of the
    log-probability of each, given the sequence and the tokens before it. So softmax normalises the joint probabilities
    over the answers. A number that all answers of a row share is added, so that the largest logit is as large as the
    network's own, summed over the tokens: the tolerance for near ties grows with the rounding of these. It has no
    gradient.

    The tokens of an answer follow the last token that is attended to, at the positions after it.

    Args:
        network: a ``...ForCausalLM`` in eval mode.
        answers: the tokens of each answer; none begins another one.
    """

    def __init__(self, network: torch.nn.Module, answers: tuple[tuple[int, ...], ...]) -> None:
        super().__init__()
        self.network = network
        self.answers = answers
        begun = {answer[:-1] for answer in answers}
        self.branches = sorted(
            one for one in begun if not any(one != other and other[: len(one)] == one for other in begun)
        )
        """The tokens that follow a sequence in each call of the network, from which all answers are read."""
        config: Any = copy.deepcopy(network.config)
        # Rows may be padded whatever the configuration names: padding is never attended to, and never read.
        if getattr(config, "pad_token_id", None) is None:
            config.pad_token_id = 0
        positions = getattr(config, "max_position_embeddings", None)
        if isinstance(positions, int) and positions > 0:
            config.max_position_embeddings = positions - max(len(branch) for branch in self.branches)
        self.prefix = SharedPrefix(())
        """The tokens that every sequence begins with, if any; see `share`."""
        self.config = config
        """The configuration of the network, with room for the answers."""

    @property
    def lookups(self) -> int:
        """Number of times that the network looks up the embeddings of one sequence."""
        return len(self.branches)

    def get_input_embeddings(self) -> Any:
        return self.network.get_input_embeddings()  # type: ignore[operator]

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, position_ids: torch.Tensor | None = None
    ) -> Answered:
        width = input_ids.shape[1]
        columns = torch.arange(width, device=input_ids.device)
        last = (attention_mask * columns).amax(dim=1)
        positions = columns.expand_as(input_ids) if position_ids is None else position_ids
        joint = torch.empty(0)
        scale = torch.empty(0)
        found: list[torch.Tensor] = [torch.empty(0)] * len(self.answers)
        for branch in self.branches:
            logits = self._next(input_ids, attention_mask, positions, last, branch)
            logs = torch.log_softmax(logits, dim=-1)
            for number, answer in enumerate(self.answers):
                if branch[: len(answer) - 1] != answer[:-1]:
                    continue
                token = torch.tensor(answer, device=logits.device)
                place = torch.arange(len(answer), device=logits.device)
                found[number] = logs[:, place, token].sum(dim=-1)
                own = logits[:, place, token].detach()
                # Of every token, its logit and the logarithm that normalises it are rounded, and the errors add up.
                most = torch.maximum(own.abs(), (own - logs[:, place, token].detach()).abs()).sum(dim=-1)
                scale = most if not len(scale) else torch.maximum(scale, most)
        joint = torch.stack(found, dim=-1)
        shift = scale - joint.detach().amax(dim=-1)
        return Answered(joint + shift[:, None])

    def _next(
        self,
        ids: torch.Tensor,
        attention_mask: torch.Tensor,
        positions: torch.Tensor,
        last: torch.Tensor,
        branch: tuple[int, ...],
    ) -> torch.Tensor:
        """Return logits over the vocabulary after the last token of each row and after each token of ``branch``."""
        steps = torch.arange(len(branch) + 1, device=ids.device)
        places = last[:, None] + steps
        if branch:
            more = (0, len(branch))
            begin = positions.gather(1, last[:, None])
            tokens = torch.tensor(branch, device=ids.device).expand(len(ids), -1)
            ids = torch.nn.functional.pad(ids, more).scatter(1, places[:, 1:], tokens)
            attention_mask = torch.nn.functional.pad(attention_mask, more)
            attention_mask = attention_mask.scatter(1, places[:, 1:], torch.ones_like(tokens))
            positions = torch.nn.functional.pad(positions, more).scatter(1, places[:, 1:], begin + steps[1:])
        shared = None
        if self.prefix.begins(self.network, ids, positions, attention_mask):
            shared = self.prefix.cache(self.network, len(ids), ids.device)
        if shared is not None:
            done = len(self.prefix.ids)
            ids, positions, places = ids[:, done:], positions[:, done:], places - done
        options: dict[str, Any] = {"use_cache": False} if accepts(self.network, "use_cache") else {}
        options |= shared or {}
        if accepts(self.network, "position_ids"):
            options["position_ids"] = positions
        rows = torch.arange(len(ids), device=ids.device)[:, None]
        if accepts(self.network, "logits_to_keep"):  # without it, logits of every token would fill the memory
            wanted, index = torch.unique(places, return_inverse=True)
            logits = self.network(ids, attention_mask=attention_mask, logits_to_keep=wanted, **options).logits
            found: torch.Tensor = logits[rows, index]
        else:
            found = self.network(ids, attention_mask=attention_mask, **options).logits[rows, places]
        return found if found.dtype == torch.float64 else found.float()


def share(module: AnswerNetwork, ids: tuple[int, ...], device: torch.device) -> None:
    """Let a network read the first tokens of every sequence once, if its answers then stay the same within rounding.

    Tested on sequences with gaps between positions, individually and padded in a batch, in float32 whatever the type of
    the weights.
    """
    n = len(ids)
    after = torch.tensor([*ids, *ids[:_PROBED]], device=device)
    inputs = torch.zeros(3, len(after), dtype=torch.int64, device=device)
    positions, mask = torch.zeros_like(inputs), torch.zeros_like(inputs)
    for row, kept in enumerate(([*range(n, len(after))], [*range(n, len(after), 2)], [len(after) - 1])):
        index = torch.tensor([*range(n), *kept], device=device)
        for values, given in ((inputs, after[index]), (positions, index), (mask, torch.ones_like(index))):
            values[row, : len(index)] = given
    with torch.inference_mode(), in_float32(module), failing(type(module.network).__name__):
        apart = module(inputs, mask, positions).logits
        module.prefix = SharedPrefix(ids)
        try:
            joint = module(inputs, mask, positions).logits
            parts = [slice(row, row + 1) for row in range(len(inputs))]
            alone = torch.cat([module(inputs[part], mask[part], positions[part]).logits for part in parts])
        except Exception:  # a network with a cache of its own
            module.prefix = SharedPrefix(())
            return
    most = _TOLERANCE / 10 * apart.abs().max()
    same = (apart - joint).abs().max() <= most and (apart - alone).abs().max() <= most
    module.prefix = SharedPrefix(ids if same else ())  # without what was computed in float32


def answering(
    name: str,
    network: torch.nn.Module,
    tokenizer: Any,
    wording: Wording,
    device: torch.device,
    notes: tuple[str, ...] = (),
) -> Loaded:
    """Return a language model on its device as a classifier of the texts in its prompt.

    Raises:
        ModelError: it is not causal, or cannot be run on a text; see `make_prompt`.
        ParameterError: the classes and the prompt do not fit its tokenizer.
    """
    prompt = make_prompt(name, tokenizer, wording)
    check_causal(name, network, torch.from_numpy(ordinary_ids(network, tokenizer, _PROBED)).to(device))
    named = type(type(network).__name__, (AnswerNetwork,), {})  # messages name a network by its class
    module = named(network, prompt.answer_ids).eval()
    removal = probe_removal(module, tokenizer, device)
    first = prompt.first_tokens(tokenizer)
    if isinstance(removal, Removal) and removal.passes_positions and len(first) >= LEAST:
        share(module, first, device)
    text = TextNetwork(module, tokenizer, False, removal, prompt)
    if not wording.chat and getattr(tokenizer, "chat_template", None):
        notes = (
            *notes,
            f"{name} has a chat template, which is not used. Add chat=True to give it the prompt in a chat",
        )
    return Loaded(text, wording.classes, notes, settings=prompt.settings(wording, tokenizer))


def check_causal(name: str, network: torch.nn.Module, ids: torch.Tensor) -> None:
    """Raise a ModelError unless the logits after a token depend only on it and on the tokens before it.

    Args:
        name: the model in messages.
        network: a language model in eval mode.
        ids: ``(n,)`` different token ids on its device, at least 4.
    """
    changed = torch.cat([ids[:3], ids[3:].flip(0).roll(1)])
    with torch.inference_mode(), failing(type(network).__name__):
        mask = torch.ones(1, len(ids), dtype=torch.int64, device=ids.device)
        logits = [network(one[None], attention_mask=mask).logits[0, :3].float() for one in (ids, changed)]
    if not (logits[0] - logits[1]).abs().max() <= _TOLERANCE * logits[0].abs().max():
        raise ModelError(
            f"{name} reads the tokens after the one that it predicts, so it is not a causal language model. Give a "
            "decoder (...ForCausalLM such as GPT-2, Llama or Qwen)"
        )
