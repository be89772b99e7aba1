"""Networks after they were tried, asked and explained: the same as before, to the last part."""

from __future__ import annotations

import contextlib
import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from stabcert.errors import ModelError
from stabcert.explainers import explain
from stabcert.models.base import ModelPredictor
from stabcert.models.hub import load_model
from stabcert.models.neighbours import shifted
from stabcert.models.running import accepts
from stabcert.models.sequences import hides_dropped_tokens, make_sequence
from stabcert.models.text import MaskedText, removes_tokens_exactly
from stabcert.models.unchanged import unchanged
from tests.models.test_neighbours_of_patches import FAMILIES as IMAGE_FAMILIES
from tests.models.test_neighbours_of_patches import save as save_image_model
from tests.models.tiny_images import CPU, picture
from tests.tiny_models import FAMILIES, SPECIAL_FAMILIES, tiny_network
from tests.tiny_tokenizers import tiny_tokenizer

pytestmark = pytest.mark.slow

SHORT = "the movie was not good"
LONG = "the movie was not good, the film was unbelievable! a bcdefghijkl mnopqrstuv bad"
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")

OF_TORCH = vars(torch.nn.Module()).keys()
VISION = (*IMAGE_FAMILIES, "Levit")


def state(network: torch.nn.Module) -> dict[str, Any]:
    """All of a network that can be compared: parts with their flags and hooks, tensors, configuration."""
    found: dict[str, Any] = {}
    for name, part in network.named_modules(remove_duplicate=False):
        plain = {k: v for k, v in vars(part).items() if isinstance(v, (bool, int, float, str, tuple, type(None)))}
        hooks = tuple(len(getattr(part, table)) for table in HOOKS)
        own = {k: sorted(map(str, v)) for k, v in vars(part).items() if isinstance(v, dict) and k not in OF_TORCH}
        found[f"part {name}"] = (type(part).__name__, part.training, plain, hooks, own)
    tensors = [*network.named_parameters(remove_duplicate=False), *network.named_buffers(remove_duplicate=False)]
    for name, tensor in tensors:
        found[f"tensor {name}"] = (tensor.dtype, tensor.device, tensor.detach().cpu().float().numpy().tobytes())
    config: Any = getattr(network, "config", None)
    if config is not None:
        found["config"] = config.to_dict()
        found["attention"] = config._attn_implementation
    return found


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [key for key in before | after if before.get(key) != after.get(key)]


def predictor(network: Any, family: str, text: str, baseline: str, removes: bool) -> ModelPredictor:
    options: dict[str, Any] = {"baseline": baseline, "removes_tokens": removes, "device": CPU, "dtype": torch.float32}
    masked = MaskedText(network, tiny_tokenizer(family), text, **options)
    return ModelPredictor(masked, ("a", "b", "c"), device=CPU)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("family", [*FAMILIES, *SPECIAL_FAMILIES])
def test_trying_and_asking_leaves_a_text_network_as_it_was(family: str, dtype: torch.dtype) -> None:
    network, tokenizer = tiny_network(family).requires_grad_(False).to(dtype), tiny_tokenizer(family)
    generator = torch.get_rng_state()
    before = state(network)
    removes = removes_tokens_exactly(network, tokenizer, CPU)
    assert differences(before, state(network)) == []
    if family not in ("gpt2",):
        sequence = make_sequence(network, tokenizer, tokenizer(SHORT, return_special_tokens_mask=True))
        hides_dropped_tokens(network, tokenizer, sequence, CPU)
        assert differences(before, state(network)) == []
    if dtype == torch.float32:
        for text in (SHORT, LONG):
            asked = predictor(network, family, text, "unk", removes)
            asked(np.random.default_rng(0).random((4, asked.n_features)) < 0.5)
            try:
                explain(asked, "saliency")
                shifted(asked, torch.ones_like(asked.masked_input.point))(np.ones((1, asked.n_features), dtype=bool))
            except ModelError:
                assert family in ("perceiver", "reformer")
        assert differences(before, state(network)) == []
    assert torch.equal(torch.get_rng_state(), generator)


@pytest.mark.parametrize("family", ["bigbird", "reformer", "longformer", "deberta-v2"])
def test_a_long_text_is_classified_alike_whatever_was_read_before(family: str) -> None:
    network, tokenizer = tiny_network(family), tiny_tokenizer(family)
    with torch.inference_mode():
        expected = copy.deepcopy(network)(**tokenizer(LONG, return_tensors="pt")).logits.softmax(-1)
    removes = removes_tokens_exactly(network, tokenizer, CPU)
    for text in (SHORT, LONG, SHORT, LONG):
        asked = predictor(network, family, text, "unk", removes)
        probs = asked(np.ones((1, asked.n_features), dtype=bool))
        if text == LONG:
            np.testing.assert_allclose(probs, expected.numpy(), atol=1e-5)


class Remembering(torch.nn.Module):
    """Stores what it multiplies by, as networks do with rotary positions."""

    def __init__(self) -> None:
        super().__init__()
        self.stored: dict[tuple[int, ...], torch.Tensor] = {}
        self.head = torch.nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if tuple(x.shape) not in self.stored:
            self.stored[tuple(x.shape)] = torch.ones_like(x)
        result: torch.Tensor = self.head(x * self.stored[tuple(x.shape)])
        return result


def test_what_a_network_stores_in_a_trial_is_not_there_when_it_has_gradients() -> None:
    network = Remembering().eval().requires_grad_(False)
    with torch.inference_mode(), unchanged(network):
        network(torch.ones(1, 2))
    assert network.stored == {}
    leaf = torch.ones(1, 2, requires_grad=True)
    with unchanged(network):
        logits = network(leaf)
    (gradient,) = torch.autograd.grad(logits.sum(), leaf)
    assert torch.equal(gradient[0], network.head.weight.sum(dim=0))


def test_sparse_and_full_attention_do_differ() -> None:
    network, tokenizer = tiny_network("bigbird"), tiny_tokenizer("bigbird")
    inputs = tokenizer(LONG, return_tensors="pt")
    with torch.inference_mode():
        fresh = network(**inputs).logits
        network(**tokenizer(SHORT, return_tensors="pt"))
        assert (network(**inputs).logits - fresh).abs().max() > 0.01


def test_a_network_that_draws_random_numbers_is_refused_and_one_with_a_seed_of_its_own_is_not() -> None:
    seeded = predictor(tiny_network("reformer"), "reformer", LONG, "unk", False)
    seeded(np.ones((1, seeded.n_features), dtype=bool))
    network = tiny_network("reformer", changes={"hash_seed": None}, initializer_range=2.0)
    asked = predictor(network, "reformer", LONG, "unk", False)
    with pytest.raises(ModelError, match=r"draws random numbers .* Give a model that draws none"):
        asked(np.ones((1, asked.n_features), dtype=bool))


def test_what_changed_is_put_back_and_what_did_not_is_let_alone() -> None:
    network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    network.config = transformers.BertConfig()  # type: ignore[assignment]
    inner, weight = network[0], network[0].weight
    with contextlib.suppress(KeyError), unchanged(network):
        network[0] = torch.nn.Identity()
        network.config.hidden_size = 7  # type: ignore[union-attr]
        network.eval()
        network.extra = 1  # type: ignore[assignment]
        network[1].register_forward_hook(lambda *_: None)
        network[1].register_buffer("running_mean", torch.ones(2))
        raise KeyError
    assert network[0] is inner
    assert network[0].weight is weight
    assert network.config.hidden_size == 768  # type: ignore[union-attr]
    assert network.training
    assert not hasattr(network, "extra")
    assert not network[1]._forward_hooks
    assert not network[1].running_mean.any()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("family", [*FAMILIES, *SPECIAL_FAMILIES])
def test_a_loaded_text_model_is_what_transformers_loads(family: str, dtype: str, tmp_path: Path) -> None:
    if family == "fnet" and dtype != "float32":
        return  # has no such arithmetic, and is refused
    network = tiny_network(family)
    transformers.utils.logging.disable_progress_bar()
    network.save_pretrained(tmp_path)
    transformers.utils.logging.enable_progress_bar()
    tiny_tokenizer(family).save_pretrained(tmp_path)
    loaded = load_model(str(tmp_path), device="cpu", dtype=dtype)
    fresh = type(network).from_pretrained(tmp_path, dtype=dtype).eval()
    if family in ("deberta", "reformer", "xlnet"):  # transformers forgets some parameters, and cannot run what it loads
        for parameter in fresh.parameters():
            parameter.data = parameter.data.to(getattr(torch, dtype))
    assert differences(state(fresh), state(loaded.network.module)) == []
    predictor = loaded.predictor(LONG, baseline="unk")
    probs = predictor(
        np.concatenate([np.ones((1, predictor.n_features)), np.eye(3, predictor.n_features)]).astype(bool)
    )
    assert differences(state(fresh), state(loaded.network.module)) == []
    encoded = loaded.network.tokenizer(LONG, return_tensors="pt")  # type: ignore[union-attr]
    with torch.inference_mode():
        inputs = {name: value for name, value in encoded.items() if accepts(fresh, name)}
        expected = fresh(**inputs).logits[0].double().softmax(-1)
    np.testing.assert_allclose(probs[0], expected.numpy(), atol=1e-4 if dtype == "float32" else 0.02)


@pytest.mark.parametrize("family", VISION)
def test_a_loaded_image_model_is_what_its_library_loads(family: str, tmp_path: Path) -> None:
    directory = save_image_model(family, tmp_path)
    loaded = load_model(str(directory), device="cpu")
    if family.startswith("timm:"):
        import timm

        fresh = timm.create_model(f"local-dir:{directory}", pretrained=True).eval()
    else:
        fresh = getattr(transformers, f"{family}ForImageClassification").from_pretrained(directory).eval()
    assert differences(state(fresh), state(loaded.network.module)) == []
    predictor = loaded.predictor(picture())
    explain(predictor, "saliency")
    predictor(np.eye(predictor.n_features, dtype=bool))
    assert differences(state(fresh), state(loaded.network.module)) == []
