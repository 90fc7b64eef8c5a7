"""Every family computes what the reference implementation computes from the same files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from engine.errors import CheckpointProblem
from engine.loader import Loaded
from engine.models import foreign, registry
from engine.models.moe import Router
from engine.runner import Runner
from engine.scheduler import Span
from tests.engine.models.cases import CASES
from tests.engine.models.references import Case, build, config_of, edit_config, load
from tests.engine.models.test_llama import logits_of, sequence

LENGTH = 60
PROMPT = list(b"To be, or not to be")


@dataclass(frozen=True)
class Pair:
    """One model twice: the reference and ours."""

    case: Case
    folder: Path
    reference: nn.Module
    ours: Loaded


@pytest.fixture(scope="module", params=CASES, ids=lambda name: name.replace(" ", "-"))
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    folder, case = tmp_path_factory.mktemp("model"), CASES[request.param]
    return Pair(case, folder, build(case, folder), load(folder))


@torch.inference_mode()
def test_logits_equal_the_references_whole_and_step_by_step(pair: Pair) -> None:
    ids = torch.randint(0, 256, (LENGTH,), generator=torch.Generator().manual_seed(3)).tolist()
    expected = pair.reference(torch.tensor([ids]), use_cache=False).logits[0]  # (LENGTH, vocab_size)
    scale = expected.abs().max()
    whole = logits_of(pair.ours, ids, [LENGTH])
    assert (whole[0] - expected[-1]).abs().max() <= 1e-4 * scale
    stepwise = logits_of(pair.ours, ids, [3, 1, 1, 20, 1, 9, *[1] * 25])
    places = torch.tensor([2, 3, 4, 24, 25, 34, *range(35, LENGTH)])
    assert (stepwise - expected[places]).abs().max() <= 1e-4 * scale


@torch.inference_mode()
def test_a_batch_of_different_lengths_equals_the_references_one_by_one(pair: Pair) -> None:
    prompts = [list(range(1, 8)), [50], list(range(100, 140))]
    expected = torch.stack([pair.reference(torch.tensor([ids])).logits[0, -1] for ids in prompts])
    runner = Runner(pair.ours.model, pair.ours.cache, pair.ours.device)
    together = runner.run([Span(sequence(ids, slot), 0, len(ids)) for slot, ids in enumerate(prompts)])
    assert (together - expected).abs().max() <= 1e-4 * expected.abs().max()


@torch.inference_mode()
def test_thirty_two_greedy_tokens_equal_the_references(pair: Pair) -> None:
    known, start, runner = list(PROMPT), 0, Runner(pair.ours.model, pair.ours.cache, pair.ours.device)
    for _ in range(32):
        logits = runner.run([Span(sequence(known), start, len(known) - start)])[0]
        start = len(known)
        known.append(int(logits.argmax()))
    expected = pair.reference(torch.tensor([known]), use_cache=False).logits[0].argmax(dim=-1).tolist()
    assert known[len(PROMPT) :] == expected[len(PROMPT) - 1 : -1]


@torch.inference_mode()
@pytest.mark.parametrize("precision", ["int8", "bfloat16"])
def test_fewer_bits_stay_close_to_float32(pair: Pair, precision: str) -> None:
    # With experts less so: a rounded input can choose another expert, and in so small a model that is much.
    closeness = 0.8 if any(isinstance(module, Router) for module in pair.ours.model.modules()) else 0.99
    chunks = [len(PROMPT) - 12, *[1] * 12]
    exact, rounded = (logits_of(loaded, PROMPT, chunks) for loaded in (pair.ours, load(pair.folder, precision)))
    assert torch.nn.functional.cosine_similarity(exact, rounded, dim=1).min() > closeness


FOREIGN: dict[str, Any] = {
    "quantization_config": {"quant_method": "awq"},
    "scale_emb": 12.0,
    "attention_chunk_size": 64,
}


@pytest.mark.parametrize("key", FOREIGN)
def test_what_would_change_the_answers_and_is_not_computed_is_refused_by_name(pair: Pair, key: str) -> None:
    changed = edit_config(pair.folder, **{key: FOREIGN[key]})
    with pytest.raises(CheckpointProblem, match=key):
        registry.family(changed).Config.from_json(changed)


REFUSALS: list[tuple[str, dict[str, Any], str]] = [
    ("llama", {"layer_types": ["full_attention", "sliding_attention"]}, "layer_types"),
    ("llama", {"num_local_experts": 8}, "num_local_experts"),
    ("gpt2", {"add_cross_attention": True}, "add_cross_attention"),
    ("gpt2", {"activation_function": "snake"}, "activation_function"),
    ("qwen2", {"layer_types": ["full_attention", "linear_attention"]}, "linear_attention"),
    ("qwen2", {"rope_parameters": {"rope_type": "dynamic", "factor": 2.0}}, "dynamic"),
    ("qwen3", {"attn_logit_softcapping": 30.0}, "attn_logit_softcapping"),
    ("mistral", {"attention_bias": True}, "attention_bias"),
    ("gemma", {"use_bidirectional_attention": True}, "use_bidirectional_attention"),
    ("gemma2", {"use_bidirectional_attention": True}, "use_bidirectional_attention"),
    ("gemma3", {"final_logit_softcapping": 30.0}, "final_logit_softcapping"),
    ("phi3", {"attention_bias": True}, "attention_bias"),
    ("olmo2", {"sliding_window": 64}, "sliding_window"),
    ("olmo3", {"layer_types": ["chunked_attention"] * 4}, "chunked_attention"),
    ("smollm3", {"layer_types": ["full_attention"]}, "layer_types must be a list of 4 values"),
    ("smollm3", {"no_rope_layers": ["all"]}, "no_rope_layers must be a list of numbers"),
    ("granite", {"num_local_experts": 4}, "num_local_experts"),
    ("gpt_neox", {"hidden_act": "snake"}, "hidden_act"),
    ("phi", {"qk_layernorm": True}, "qk_layernorm"),
    ("stablelm", {"sliding_window": 64}, "sliding_window"),
    ("starcoder2", {"qk_layernorm": True}, "qk_layernorm"),
    ("mixtral", {"attention_bias": True}, "attention_bias"),
    ("qwen2_moe", {"attention_bias": True}, "attention_bias"),
    ("qwen3_moe", {"qkv_bias": True}, "qkv_bias"),
    ("glm4", {"use_qk_norm": True}, "use_qk_norm"),
    ("glm", {"sliding_window": 64}, "sliding_window"),
    ("cohere", {"use_qk_norm": True}, "use_qk_norm"),
    ("olmo", {"sliding_window": 64}, "sliding_window"),
    ("olmoe", {"clip_qkv": 8.0}, "clip_qkv"),
    ("opt", {"use_bias": True}, "use_bias"),
    ("bloom", {"apply_residual_connection_post_layernorm": True}, "apply_residual_connection_post_layernorm"),
    ("falcon in groups", {"parallel_attn": False}, "parallel_attn"),
    ("gpt_oss", {"query_pre_attn_scalar": 24}, "query_pre_attn_scalar"),
    ("deepseek_v2", {"norm_topk_prob": True}, "norm_topk_prob"),
    ("deepseek_v2", {"topk_method": "noaux_tc"}, "topk_method"),
    ("deepseek_v2", {"moe_layer_freq": 2}, "moe_layer_freq"),
    ("deepseek_v3", {"scoring_func": "softmax"}, "scoring_func"),
    ("deepseek_v3", {"topk_method": "greedy"}, "topk_method"),
    ("nanochat", {"attn_logit_softcapping": 30.0}, "attn_logit_softcapping"),
]
# What transformers does not have is compared and refused in tests of its own.
ELSEWHERE = {"mini_deepseek", "minimind"}
# Keys that the family reads only where another key says so, or that change nothing but how the same is rounded.
READ_OTHERWISE = {
    "gpt2": ("reorder_and_upcast_attn",),
    **dict.fromkeys(("qwen2", "qwen3", "smollm3", "qwen2_moe", "qwen3_moe"), ("sliding_window",)),
    "falcon": ("multi_query",),
    "gpt_oss": ("num_experts",),
    "deepseek_v3": ("num_local_experts",),
}
ONE_OF_EACH = {case.family: name for name, case in CASES.items()}


@pytest.mark.parametrize(("name", "change", "named"), REFUSALS)
def test_what_a_family_does_not_compute_is_refused_by_name(name: str, change: dict[str, Any], named: str) -> None:
    written = config_of(CASES[name])
    assert registry.family(written).Config.from_json(written)
    with pytest.raises(CheckpointProblem, match=named):
        registry.family(written).Config.from_json(written | change)


def test_every_family_refuses_something_of_its_own() -> None:
    assert {CASES[name].family for name, _, _ in REFUSALS} == set(registry.FAMILIES) - ELSEWHERE


@pytest.mark.parametrize("family", ONE_OF_EACH)
def test_no_key_that_changes_the_mathematics_is_passed_over(family: str) -> None:
    written = config_of(CASES[ONE_OF_EACH[family]])
    passed_over = []
    for key in foreign.FOREIGN:
        try:
            registry.family(written).Config.from_json(written | {key: "as nobody has it"})
        except CheckpointProblem as problem:
            assert key in str(problem), problem
        else:
            passed_over.append(key)
    assert set(passed_over) <= set(READ_OTHERWISE.get(family, ()))


def test_every_family_is_compared() -> None:
    assert {case.family for case in CASES.values()} == set(registry.FAMILIES) - ELSEWHERE
