"""A few checkpoints that exist only as their descriptions: one of every group, and one with a problem."""

from __future__ import annotations

from pathlib import Path

from engine import CheckpointInfo
from engine.catalog.info import Loss, Problem

_SMALL_LLAMA = {
    "family": "llama",
    "architecture": "LlamaForCausalLM",
    "context_length": 2048,
    "vocab_size": 32000,
    "kv_bytes_per_token": 18432,
    "tokenizer": {"kind": "bpe", "source": "tokenizer.json"},
}
_CHATTY = {**_SMALL_LLAMA, "chat_template": {"source": "tokenizer_config.json"}}


def _checkpoint(checkpoint_id: str, file_format: str, **parts: object) -> CheckpointInfo:
    named = {"name": checkpoint_id.rsplit("/", 1)[-1], "files": (checkpoint_id,), **parts}
    return CheckpointInfo(id=checkpoint_id, path=Path(checkpoint_id), format=file_format, **named)


CHECKPOINTS: tuple[CheckpointInfo, ...] = (
    _checkpoint(
        "pretrain/final.pt", "torch", group="Pretrained", run="pretrain", parameters=29_400_000, dtype="float32",
        size_bytes=118_000_000, weights_bytes=117_600_000, step=20_000, epoch=1.0, loss=Loss("validation", 3.214),
        stage="pretrain", modified_at=1_760_000_000.0,
        evidence={"stage": "the folder is called pretrain", "step": "the key iter_num"}, **_SMALL_LLAMA,
    ),
    _checkpoint(
        "pretrain/step-10000.pt", "torch", group="Pretrained", run="pretrain", parameters=29_400_000, dtype="float32",
        size_bytes=118_000_000, weights_bytes=117_600_000, step=10_000, epoch=0.5, loss=Loss("validation", 3.571),
        stage="pretrain", modified_at=1_759_000_000.0, evidence={"step": "the key iter_num"}, **_SMALL_LLAMA,
    ),
    _checkpoint(
        "sft/checkpoint-500", "huggingface", group="SFT", run="sft", parameters=29_400_000, dtype="bfloat16",
        size_bytes=59_000_000, weights_bytes=58_800_000, step=500, epoch=2.0, loss=Loss("train", 1.87), stage="sft",
        parent="pretrain/final.pt", modified_at=1_761_000_000.0, evidence={"step": "trainer_state.json"}, **_CHATTY,
    ),
    _checkpoint(
        "rl/grpo/step-120", "huggingface", group="RL", run="rl/grpo", parameters=29_400_000, dtype="bfloat16",
        size_bytes=59_000_000, weights_bytes=58_800_000, step=120, loss=Loss("reward", 0.62), stage="rl",
        parent="sft/checkpoint-500", modified_at=1_762_000_000.0, evidence={"stage": "the key reward"}, **_CHATTY,
    ),
    _checkpoint(
        "somebody-135m/Somebody-135M.Q4_1.gguf", "gguf", parameters=134_500_000, dtype="Q4_1", size_bytes=98_000_000,
        weights_bytes=97_000_000, modified_at=1_750_000_000.0, evidence={"architecture": "general.architecture"},
        **_CHATTY,
    ),
    _checkpoint(
        "broken/half.safetensors", "safetensors", size_bytes=1_000_000, modified_at=1_740_000_000.0,
        problem=Problem(
            "file_truncated", "broken/half.safetensors ends after 1,000,000 of 4,000,000 bytes", "Copy the file again."
        ),
    ),
)  # fmt: skip
