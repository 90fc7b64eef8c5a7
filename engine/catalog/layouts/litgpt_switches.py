"""litGPT's settings, switch by switch, and the family that they amount to; what none computes is refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.errors import CheckpointProblem

# As its Config has them when a file leaves them out.
DEFAULTS: Mapping[str, Any] = {
    "block_size": 4096, "n_layer": 16, "n_embd": 4096, "n_head": 32, "norm_class_name": "LayerNorm", "norm_eps": 1e-5,
    "parallel_residual": True, "rotary_percentage": 0.25, "bias": True, "mlp_class_name": "GptNeoxMLP",
    "gelu_approximate": "none", "rope_base": 10000, "norm_1": True, "norm_2": True, "norm_qk_type": "default",
}  # fmt: skip
# What changes nothing that is computed, or is computed from what else is read.
HARMLESS = frozenset(
    {"name", "hf_config", "vocab_size", "padding_multiple", "padded_vocab_size", "n_query_groups", "head_size", "org"}
    | {"intermediate_size", "moe_intermediate_size", "n_expert", "n_expert_per_token", "sliding_window_layer_placing"}
    | {"rope_n_elem", "sliding_window_layer_stride", "norm_qk_type", "gelu_approximate"}
)


class Switches:
    """litGPT's settings; what nothing has asked for by the end is refused unless it is off."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given, self._taken = {**DEFAULTS, **given}, set(HARMLESS) | {"rope_interleave"}

    def take(self, name: str, default: Any = None) -> Any:
        """A setting, which is now taken care of."""
        self._taken.add(name)
        value = self._given.get(name)
        return default if value is None else value

    def whole(self, name: str, default: int | None = None) -> int:
        """A positive whole number. Raises CheckpointProblem, `config_invalid`, for anything else."""
        value = self.take(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise CheckpointProblem(
                f"model_config.yaml: {name} must be a positive whole number, not {value!r:.60}", code="config_invalid"
            )
        return value

    @property
    def heads(self) -> tuple[int, int, int]:
        """Heads of queries, of keys, and their width."""
        heads = self.whole("n_head")
        return heads, self.whole("n_query_groups", heads), self.whole("head_size", self.whole("n_embd") // heads)

    def refuse_the_rest(self) -> None:
        """Raise CheckpointProblem, `unsupported_config`, for a switch that is on and that the family does not have."""
        for name, value in self._given.items():
            if name not in self._taken and value not in (None, False, 0, [], {}):
                raise refused(name, value)


def refused(name: str, value: Any) -> CheckpointProblem:
    """The error for a switch that no family here computes."""
    return CheckpointProblem(
        f"model_config.yaml asks for {name} = {value!r:.80}, which is not computed here for such a model",
        code="unsupported_config",
        hint="Convert it with `litgpt convert_from_litgpt` and load the Hugging Face folder.",
    )


def family_of(switches: Switches) -> tuple[str, dict[str, Any]]:
    """The family that the switches amount to, and its settings. Raises CheckpointProblem for what fits none."""
    norm, mlp = switches.take("norm_class_name"), switches.take("mlp_class_name")
    heads, groups, width = switches.heads
    config: dict[str, Any] = {
        "hidden_size": switches.whole("n_embd"),
        "intermediate_size": switches.whole("intermediate_size", 4 * switches.whole("n_embd")),
        "num_attention_heads": heads,
        "num_key_value_heads": groups,
        "head_dim": width,
        "max_position_embeddings": switches.whole("block_size"),
        "rope_theta": float(switches.take("rope_base")),
    }
    switches.take("n_layer")
    for name in ("norm_1", "norm_2"):
        if switches.take(name) is not True:
            raise refused(name, False)
    if (norm, mlp) == ("LayerNorm", "GptNeoxMLP"):
        return _plain_family(switches, config)
    if norm == "RMSNorm" and mlp in ("LLaMAMLP", "GemmaMLP", "LLaMAMoE"):
        return _gated_family(switches, config, mlp)
    raise refused("norm_class_name with mlp_class_name", (norm, mlp))


def _plain_family(switches: Switches, config: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    if "OLMo" in str(switches.take("name", "")):
        raise refused("name", "OLMo")
    if switches.take("bias") is not True or config["num_attention_heads"] != config["num_key_value_heads"]:
        raise refused("bias and n_query_groups", (switches.take("bias"), config["num_key_value_heads"]))
    gelu = "gelu_new" if switches.take("gelu_approximate") == "tanh" else "gelu"
    settings = {
        "hidden_act": gelu,
        "layer_norm_eps": float(switches.take("norm_eps")),
        "rope_scaling": _scaling(switches),
        "rotary_pct": switches.take("rotary_percentage"),
        "partial_rotary_factor": switches.take("rotary_percentage"),
        "rotary_emb_base": config.pop("rope_theta"),
    }
    is_parallel, is_shared = switches.take("parallel_residual"), switches.take("shared_attention_norm", False)
    if is_shared and switches.take("lm_head_bias", False):
        del settings["rotary_pct"]
        settings["rope_theta"] = settings.pop("rotary_emb_base")
        return "phi", config | settings
    if is_shared:
        raise refused("shared_attention_norm", True)
    del settings["partial_rotary_factor"]
    return "gpt_neox", config | settings | {"use_parallel_residual": is_parallel}


def _gated_family(switches: Switches, config: dict[str, Any], mlp: str) -> tuple[str, dict[str, Any]]:
    for name, wanted in (("parallel_residual", False), ("rotary_percentage", 1.0), ("bias", False)):
        if switches.take(name) != wanted:
            raise refused(name, switches.take(name))
    config |= {
        "rms_norm_eps": float(switches.take("norm_eps")),
        "hidden_act": "silu",
        "rope_scaling": _scaling(switches),
    }
    is_gemma = "Gemma" in str(switches.take("name", ""))
    if is_gemma != (mlp == "GemmaMLP") or bool(switches.take("scale_embeddings", False)) != is_gemma:
        raise refused("scale_embeddings and mlp_class_name", (switches.take("scale_embeddings"), mlp))
    if is_gemma:
        return _gemma(switches, config)
    if switches.take("attention_scores_scalar") not in (None, config["head_dim"]):
        raise refused("attention_scores_scalar", switches.take("attention_scores_scalar"))
    window, some = switches.take("sliding_window_size"), switches.take("sliding_window_indices")
    if window and isinstance(some, list) and not all(some):
        raise refused("sliding_window_indices", some)
    if mlp == "LLaMAMoE":
        return "mixtral", config | {
            "num_local_experts": switches.whole("n_expert"),
            "num_experts_per_tok": switches.whole("n_expert_per_token"),
            "intermediate_size": switches.whole("moe_intermediate_size", config["intermediate_size"]),
            "sliding_window": window,
        }
    if switches.take("norm_qk", False):
        if switches.take("norm_qk_type") != "default" or switches.take("attn_bias", False) or window:
            raise refused("norm_qk_type", switches.take("norm_qk_type"))
        return "qwen3", config
    if window:
        return "mistral", config | {"sliding_window": window}
    return ("qwen2" if switches.take("attn_bias", False) else "llama"), config


def _gemma(switches: Switches, config: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    config["hidden_act"] = config["hidden_activation"] = "gelu_pytorch_tanh"
    posts = switches.take("post_attention_norm", False), switches.take("post_mlp_norm", False)
    if switches.take("gelu_approximate") != "tanh" or posts not in ((False, False), (True, True)):
        raise refused("gelu_approximate and post_mlp_norm", (switches.take("gelu_approximate"), posts[1]))
    if not posts[0]:
        return "gemma", config
    layers_, window = switches.whole("n_layer"), switches.take("sliding_window_size")
    slides = switches.take("sliding_window_indices") or [1] * layers_
    return "gemma2", config | {
        "query_pre_attn_scalar": switches.take("attention_scores_scalar", config["head_dim"]),
        "attn_logit_softcapping": switches.take("attention_logit_softcapping"),
        "final_logit_softcapping": switches.take("final_logit_softcapping"),
        "sliding_window": window,
        "layer_types": ["sliding_attention" if window and slide else "full_attention" for slide in slides],
    }


def _scaling(switches: Switches) -> dict[str, Any] | None:
    given, ratio = switches.take("rope_adjustments"), switches.take("rope_condense_ratio", 1)
    if not given:
        return None if ratio == 1 else {"rope_type": "linear", "factor": float(ratio)}
    names = {"factor", "low_freq_factor", "high_freq_factor", "original_max_seq_len"}
    if ratio != 1 or not isinstance(given, dict) or set(given) not in (names, {"factor"}):
        raise refused("rope_adjustments", given)
    if set(given) == {"factor"}:
        return {"rope_type": "linear", "factor": float(given["factor"])}
    rest = {name: float(given[name]) for name in names - {"original_max_seq_len"}}
    return {"rope_type": "llama3", **rest, "original_max_position_embeddings": int(given["original_max_seq_len"])}
