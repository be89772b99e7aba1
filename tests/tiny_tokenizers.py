"""Tokenizers of the tiny text models, all made in memory."""

from __future__ import annotations

import string

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

POSITIONS = 96
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c", "good", "bad", "film", "the", "is", "very", "not"]
"""The vocabulary of `word_tokenizer`; the position of a word is its token id."""
_WORDS = ("the", "movie", "was", "good", "bad", "not", "great", "a", "film", "un", "##believ", "##able", "##s", "##ing")


def wordpiece_tokenizer(*, model_max_length: int = POSITIONS) -> PreTrainedTokenizerFast:
    """BERT-like: lower case, ``[CLS] text [SEP]``, unknown characters are ``[UNK]``."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    characters = string.ascii_lowercase + string.digits + string.punctuation
    pieces = [*characters, *("##" + character for character in string.ascii_lowercase + string.digits), *_WORDS]
    vocabulary = {piece: index for index, piece in enumerate(dict.fromkeys([*special, *pieces]))}
    backend = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=model_max_length,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )


def byte_level_tokenizer(*, adds_special_tokens: bool = True) -> PreTrainedTokenizerFast:
    """RoBERTa-like bytes: ``<s> text </s>``; without special tokens it is like GPT-2's, with ``</s>`` only."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    merges = [("Ġ", "g"), ("o", "o"), ("Ġg", "oo"), ("Ġgoo", "d"), ("b", "a"), ("ba", "d"), ("Ġ", "a")]
    pieces = [*special, *sorted(pre_tokenizers.ByteLevel.alphabet()), *("".join(merge) for merge in merges)]
    backend = Tokenizer(models.BPE({piece: index for index, piece in enumerate(pieces)}, merges))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    if not adds_special_tokens:
        return PreTrainedTokenizerFast(
            tokenizer_object=backend,
            eos_token="</s>",
            unk_token="</s>",
            model_input_names=["input_ids", "attention_mask"],
        )
    backend.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        cls_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
        mask_token="<mask>",
        model_input_names=["input_ids", "attention_mask"],
    )


def word_tokenizer() -> PreTrainedTokenizerFast:
    """BERT-like, with the few whole words of `WORDS`."""
    backend = Tokenizer(models.WordPiece({word: index for index, word in enumerate(WORDS)}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=32,
    )


_BYTE_LEVEL_FAMILIES = ("roberta", "xlm-roberta", "camembert", "mpnet", "gpt2", "bart", "longformer", "t5")


def tiny_tokenizer(family: str) -> PreTrainedTokenizerFast:
    """The tokenizer that fits `tiny_network` of this family."""
    if family in _BYTE_LEVEL_FAMILIES:
        return byte_level_tokenizer(adds_special_tokens=family != "gpt2")
    return wordpiece_tokenizer()
