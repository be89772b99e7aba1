"""Sources of models: the demo packages, a directory, or the hub (for transformers and for timm)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

import torch

from stabcert.models.checkpoint import (
    choose_weights,
    config_sha256,
    library_of,
    read_checkpoint,
    read_config,
    weights_sha256,
)
from stabcert.models.names import PYTHON, check_name, local_directory
from stabcert.models.networks import (
    ImageNetwork,
    Loaded,
    TextNetwork,
    call_with_pixels,
    is_convolutional,
    place,
    quiet,
    quiet_transformers,
)
from stabcert.models.preprocessing import resize_and_crop
from stabcert.models.wording import Wording
from stabcert.models.zero_shot_kind import image_text_network

_TIMM = "timm:"


@dataclass(frozen=True)
class LoadOptions:
    """Permissions of the user, and the device and type of the network."""

    device: torch.device
    dtype: torch.dtype
    trust_remote_code: bool = False
    allow_pickle: bool = False
    allow_random_head: bool = False
    offline: bool = False
    wording: Wording = field(default_factory=Wording)


def load_source(name: str, revision: str | None, options: LoadOptions) -> Loaded:
    """Load the model of a name; see `stabcert.models.hub.load_model` for what is guaranteed.

    Raises:
        ModelError: the model cannot be found, or must not or cannot be loaded.
        ParameterError: a revision is given for a model without revisions.
    """
    check_name(name, revision)
    if name.startswith(PYTHON):
        from stabcert.models.doors.named import load_named

        with quiet():
            return load_named(name)
    demo = name.startswith("demo:")
    directory = None if demo else local_directory(name)
    with quiet():
        if demo:
            return _load_demo(name, options)
        if directory is not None:
            return _load_directory(name, directory, None, options)
        return _load_remote(name, revision, options)


def _load_directory(name: str, directory: Path, architecture: str | None, options: LoadOptions) -> Loaded:
    checkpoint = read_checkpoint(name, directory, allow_pickle=options.allow_pickle)
    if architecture is not None or checkpoint.library == "timm":
        from stabcert.models.from_timm import load_from_timm

        loaded = load_from_timm(checkpoint, architecture=architecture, device=options.device, dtype=options.dtype)
    elif image_text_network(checkpoint.config) is not None:
        from stabcert.models.zero_shot import load_zero_shot

        loaded = load_zero_shot(
            checkpoint,
            options.wording,
            trust_remote_code=options.trust_remote_code,
            device=options.device,
            dtype=options.dtype,
        )
    else:
        from stabcert.models.from_transformers import load_from_transformers

        loaded = load_from_transformers(
            checkpoint,
            trust_remote_code=options.trust_remote_code,
            allow_random_head=options.allow_random_head,
            device=options.device,
            dtype=options.dtype,
            wording=options.wording,
        )
    return dataclasses.replace(
        loaded,
        sha256=weights_sha256(checkpoint.weights),
        config_sha256=config_sha256(checkpoint.directory),
        directory=checkpoint.directory,
    )


def _load_remote(name: str, revision: str | None, options: LoadOptions) -> Loaded:
    from stabcert.models.download import download, find_repository

    architecture = name.removeprefix(_TIMM) if name.startswith(_TIMM) else None
    repository_name = name
    if architecture is not None:
        from stabcert.models.from_timm import hub_repository

        repository_name = hub_repository(name, architecture)
    repository = find_repository(repository_name, revision=revision, offline=options.offline)
    weights = choose_weights(name, repository.files, allow_pickle=options.allow_pickle)
    # The configuration first: a model that is refused is not worth the download of its weights.
    config = read_config(name, download(repository, ["config.json"]))
    if architecture is None and image_text_network(config) is not None:
        from stabcert.models.zero_shot import check_wording

        check_wording(name, config, options.wording)
    elif architecture is None and library_of(name, config) == "transformers":
        from stabcert.models.kind import classifier_kind

        classifier_kind(
            name,
            config,
            trust_remote_code=options.trust_remote_code,
            allow_random_head=options.allow_random_head,
            wording=options.wording,
        )
    small = (
        ".json",
        ".jinja",
        ".txt",
        ".model",
        ".codes",
        ".bpe",
        ".tiktoken",
        *((".py",) if options.trust_remote_code else ()),
    )
    wanted = [file for file in repository.files if file.endswith(small) and not file.endswith(".index.json")]
    directory = download(repository, [*wanted, *weights])
    loaded = _load_directory(name, directory, architecture, options)
    # The cache names the directory of a snapshot after its commit.
    return dataclasses.replace(loaded, revision=directory.name, notes=(*repository.notes, *loaded.notes))


def _load_demo(name: str, options: LoadOptions) -> Loaded:
    if name != "demo:text":
        from stabcert.models.demo import load_demo_image
        from stabcert.models.demo_masked import load_demo_image_masked

        image = load_demo_image() if name == "demo:image" else load_demo_image_masked()
        channels_last = is_convolutional(image.network)
        place(name, image.network.to(options.dtype), options.device, options.dtype, channels_last=channels_last)
        preprocessing = resize_and_crop(image.resize, image.size, image.mean, image.std)
        network = ImageNetwork(image.network, call_with_pixels, preprocessing, None, channels_last)
        return Loaded(network, image.class_names, sha256=image.sha256)
    from stabcert.models.demo import load_demo_text

    with quiet_transformers():
        text = load_demo_text()
    place(name, text.network, options.device, options.dtype, channels_last=False)
    # Known of these weights, whose hash was verified. The test of other models takes longer than loading.
    return Loaded(TextNetwork(text.network, text.tokenizer, True), text.class_names, sha256=text.sha256)
