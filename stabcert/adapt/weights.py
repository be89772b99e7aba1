"""The weights that are trained: all, those of normalisation layers, or low-rank changes that are merged at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

import torch
from torch.nn.utils import parametrize

from stabcert.adapt.settings import AdaptSettings
from stabcert.errors import ParameterError

Values = dict[str, torch.Tensor]


class _LowRank(torch.nn.Module):
    """The weight of a linear or pointwise layer plus ``up @ down``; equal to the weight itself before training."""

    def __init__(self, weight: torch.Tensor, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        outputs, inputs = weight.shape[0], weight[0].numel()
        rank = min(rank, outputs, inputs)
        spread = inputs**-0.5
        down = torch.empty(rank, inputs).uniform_(-spread, spread, generator=generator)
        self.down = torch.nn.Parameter(down.to(weight.device))
        self.up = torch.nn.Parameter(torch.zeros(outputs, rank, device=weight.device))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight + (self.up @ self.down).view(weight.shape)


class TrainedWeights:
    """The trained parameters of ``module``, which is changed so that they have gradients and no other does.

    Args:
        module: a copy of the network, in evaluation mode.
        settings: settings of the adaptation.
        n_classes: number of logits.
        generator: source of the first values of low-rank changes.

    Raises:
        ParameterError: the network does not have layers for this method.
    """

    def __init__(
        self, module: torch.nn.Module, settings: AdaptSettings, *, n_classes: int, generator: torch.Generator
    ) -> None:
        module.requires_grad_(False)
        left_out = (*settings.freeze, *(() if settings.train_head else (_head(module, n_classes),)))
        frozen = _frozen(module, left_out)
        self._low_rank: dict[str, torch.Tensor] = {}
        if settings.method == "lora":
            for name, part in _low_rank_layers(module):
                if f"{name}.weight" in frozen:
                    continue
                weight: torch.Tensor = part.weight  # type: ignore[assignment]
                self._low_rank[f"{name}.weight"] = weight.detach()
                parametrize.register_parametrization(part, "weight", _LowRank(weight, settings.rank, generator))
            chosen = [(key, value) for key, value in module.named_parameters() if key.endswith((".0.down", ".0.up"))]
        elif settings.method == "norm":
            chosen = [(key, value) for key, value in _norm_parameters(module) if key not in frozen]
        else:
            named = module.named_parameters()
            chosen = [(key, value) for key, value in named if value.is_floating_point() and key not in frozen]
        if not chosen:
            raise ParameterError(
                f"method={settings.method} is not possible, because {type(module).__name__} has no such layers "
                "that are not frozen. Use method=full",
                "method",
            )
        self.parameters = dict(chosen)
        for parameter in self.parameters.values():
            parameter.requires_grad_(True)

    def values(self) -> Values:
        """Return a copy of the trained parameters by name, as `load` reads them."""
        return {key: value.detach().clone() for key, value in self.parameters.items()}

    def load(self, values: Mapping[str, torch.Tensor]) -> None:
        """Set the trained parameters."""
        with torch.no_grad():
            for key, value in self.parameters.items():
                value.copy_(values[key])

    def merged(self, values: Mapping[str, torch.Tensor]) -> Values:
        """Return the parameters of the unchanged network, by its names, that ``values`` amount to."""
        if not self._low_rank:
            return dict(values)
        merged = {}
        for key, weight in self._low_rank.items():
            place = f"{key.removesuffix('weight')}parametrizations.weight.0."
            merged[key] = weight + (values[f"{place}up"] @ values[f"{place}down"]).view(weight.shape)
        return merged


def set_between(
    module: torch.nn.Module, original: torch.nn.Module, trained: Mapping[str, torch.Tensor], at: float
) -> None:
    """Set the parameters of ``module`` to points between those of ``original`` (0) and ``trained`` ones (1)."""
    first = dict(original.named_parameters())
    with torch.no_grad():
        for key, value in module.named_parameters():
            other = trained.get(key)
            if other is None or at == 0:
                value.copy_(first[key])
            else:
                value.copy_(other if at == 1 else torch.lerp(first[key], other.to(value), at))


def _head(module: torch.nn.Module, n_classes: int) -> str:
    """Return the name of the last layer with one output for each class.

    Raises:
        ParameterError: the network does not have such a layer.
    """
    found = ""
    for name, part in module.named_modules():
        width = part.out_features if isinstance(part, torch.nn.Linear) else getattr(part, "out_channels", None)
        found = name if width == n_classes else found
    if not found:
        raise ParameterError(
            f"train_head must be true, because {type(module).__name__} has no layer of {n_classes} outputs that could "
            "be left out. Use train_head=True",
            "train_head",
        )
    return found


def _frozen(module: torch.nn.Module, patterns: tuple[str, ...]) -> set[str]:
    """Return the names of the parameters that match a pattern, or are inside of a part of that name.

    Raises:
        ParameterError: a pattern matches nothing.
    """
    names = [key for key, _ in module.named_parameters()]
    frozen = set[str]()
    for pattern in patterns:
        found = {key for key in names if fnmatchcase(key, pattern) or fnmatchcase(key, f"{pattern}.*")}
        if not found:
            raise ParameterError(
                f"freeze must name parts or parameters of the network, got {pattern!r}. Its first parameters are "
                f"{', '.join(names[:3])}",
                "freeze",
            )
        frozen |= found
    return frozen


def _low_rank_layers(module: torch.nn.Module) -> Iterator[tuple[str, torch.nn.Module]]:
    for name, part in list(module.named_modules()):
        pointwise = isinstance(part, torch.nn.Conv2d) and part.kernel_size == (1, 1) and part.groups == 1
        if (pointwise or isinstance(part, torch.nn.Linear)) and min(part.weight.shape[:2]) > 1:
            yield name, part


def _norm_parameters(module: torch.nn.Module) -> Iterator[tuple[str, torch.nn.Parameter]]:
    for name, part in module.named_modules():
        if "norm" in type(part).__name__.lower():
            for key, value in part.named_parameters(recurse=False):
                yield f"{name}.{key}" if name else key, value
