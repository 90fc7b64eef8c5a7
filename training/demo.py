"""`python -m training.demo`: trains a small GPT on the CPU, on sentences that it makes itself, to have a run to watch.

A plain loop as nanoGPT has it, with the few lines that make it visible: events, orders, checkpoints.
"""

from __future__ import annotations

import argparse
import math
import pickle
import random
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from training.events import training_emitter as emitter
from training.free_name import free_name
from training.run_writer import RunWriter

WHO = ("fox", "bird", "cat", "dog", "bear", "child", "robot", "king")
HOW = ("red", "small", "old", "happy", "quiet", "blue", "tall", "clever")
DOES = ("sees", "likes", "follows", "finds", "calls", "helps", "paints")
# Steps, those between checkpoints, pieces of text in a batch, the width of the model, where chance begins.
NUMBERS = {"steps": 2000, "every": 100, "rows": 16, "width": 128, "seed": 1}
WARM_UP, LEARNING_RATE, CLIP = 50, 2e-3, 1.0


@dataclass(frozen=True)
class Size:
    """How large the model is, under nanoGPT's names."""

    vocab_size: int
    n_layer: int = 4
    n_head: int = 4
    n_embd: int = 128
    block_size: int = 64


class Attention(nn.Module):
    """Each character looks at those before it."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.heads = size.n_head
        self.c_attn = nn.Linear(size.n_embd, 3 * size.n_embd, bias=False)
        self.c_proj = nn.Linear(size.n_embd, size.n_embd, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) to (B, T, C)."""
        batch, time_, width = x.shape
        parts = self.c_attn(x).view(batch, time_, 3, self.heads, -1)  # (B, T, 3, H, D)
        q, k, v = parts.permute(2, 0, 3, 1, 4)  # (B, H, T, D) each
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.c_proj(mixed.transpose(1, 2).reshape(batch, time_, width))


class Block(nn.Module):
    """One layer: attention, then a feed-forward net, each beside a direct way."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(size.n_embd, bias=False), nn.LayerNorm(size.n_embd, bias=False)
        self.attn = Attention(size)
        self.mlp = nn.ModuleDict(
            {"c_fc": nn.Linear(size.n_embd, 4 * size.n_embd, bias=False),
             "c_proj": nn.Linear(4 * size.n_embd, size.n_embd, bias=False)}
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) to (B, T, C)."""
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp["c_proj"](nn.functional.gelu(self.mlp["c_fc"](self.ln_2(x))))


class Gpt(nn.Module):
    """The model, with nanoGPT's names of tensors."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        wte, wpe = (nn.Embedding(rows, size.n_embd) for rows in (size.vocab_size, size.block_size))
        layers = nn.ModuleList(Block(size) for _ in range(size.n_layer))
        final = nn.LayerNorm(size.n_embd, bias=False)
        self.transformer = nn.ModuleDict({"wte": wte, "wpe": wpe, "h": layers, "ln_f": final})
        self.lm_head = nn.Linear(size.n_embd, size.vocab_size, bias=False)
        self.lm_head.weight = self.transformer["wte"].weight
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * size.n_layer) if name.endswith("c_proj") else 0.02)

    def forward(self, ids: Tensor) -> Tensor:
        """(B, T) to logits (B, T, V)."""
        x = self.transformer["wte"](ids) + self.transformer["wpe"](torch.arange(ids.shape[1]))
        for block in self.transformer["h"]:
            x = block(x)
        return self.lm_head(self.transformer["ln_f"](x))


def sentences(count: int, seed: int) -> str:
    """Sums that are right, and small stories, a line each."""
    chance, lines = random.Random(seed), []
    for _ in range(count):
        a, b = chance.randrange(20), chance.randrange(20)
        who, other = (f"the {chance.choice(HOW)} {chance.choice(WHO)}" for _ in range(2))
        lines.append(chance.choice((f"{a} plus {b} is {a + b}.", f"{who} {chance.choice(DOES)} {other}.")))
    return "\n".join(lines) + "\n"


def loss_of(model: Gpt, data: Tensor, size: Size, rows: int, chance: torch.Generator) -> Tensor:
    """Mean cross-entropy in nats a character, over pieces of the text from anywhere in it."""
    starts = torch.randint(len(data) - size.block_size - 1, (rows,), generator=chance).tolist()
    pieces = torch.stack([data[start : start + size.block_size + 1] for start in starts])  # (B, T + 1)
    return nn.functional.cross_entropy(model(pieces[:, :-1]).flatten(0, 1), pieces[:, 1:].flatten())


@torch.no_grad()
def write_sample(model: Gpt, size: Size, start: Tensor, chance: torch.Generator, length: int = 80) -> list[int]:
    """Ids that the model goes on with."""
    ids = start[None]
    for _ in range(length):
        chances = model(ids[:, -size.block_size :])[0, -1].div(0.8).softmax(-1)
        ids = torch.cat([ids, torch.multinomial(chances, 1, generator=chance)[None]], dim=1)
    return ids[0].tolist()


def save(model: Gpt, size: Size, step: int, val_loss: float, out: Path) -> None:
    """A checkpoint as nanoGPT writes it; it gets its name when it is whole."""
    path = out / f"step-{step:06d}.pt"
    told = {"model": model.state_dict(), "model_args": asdict(size), "iter_num": step, "best_val_loss": val_loss,
            "config": {"dataset": "demo", "init_from": "scratch", "learning_rate": LEARNING_RATE}}  # fmt: skip
    torch.save(told, path.with_suffix(".partial"))
    path.with_suffix(".partial").replace(path)
    emitter.emit("checkpoint_saved", checkpoint_path=str(path.resolve()), step=step, val_loss=val_loss)


def train(asked: argparse.Namespace, run: RunWriter, size: Size, data: dict[str, Tensor], letters: list[str]) -> str:
    """The loop. Returns why it ended."""
    model, chance = Gpt(size), torch.Generator().manual_seed(asked.seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.95), weight_decay=0.1)
    control, began, step = run.control(), time.monotonic(), 0
    signal.signal(signal.SIGTERM, lambda *_: setattr(control, "is_stopped", True))
    while step < asked.steps and control.goes_on():
        step += 1
        fall = 0.5 * (1 + math.cos(math.pi * step / asked.steps))
        rate = LEARNING_RATE * min(1.0, step / WARM_UP) * (0.1 + 0.9 * fall) * control.learning_rate_scale
        optimizer.param_groups[0]["lr"] = rate
        loss = loss_of(model, data["train"], size, asked.rows, chance)
        optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        tokens = step * asked.rows * size.block_size
        emitter.emit("batch_end", step=step, loss=loss.item(), lr=rate, grad_norm=norm.item(), tokens=tokens)
        is_due = step % asked.every == 0 or step == asked.steps
        if is_due or control.wanted("save"):
            with torch.no_grad():
                val_loss = loss_of(model, data["val"], size, 4 * asked.rows, chance).item()
            emitter.emit("metric_update", step=step, val_loss=val_loss, tokens=tokens)
            save(model, size, step, val_loss, asked.out)
            sys.stdout.write(f"step {step}: train loss {loss.item():.4f}, val loss {val_loss:.4f}\n")
        if is_due or control.wanted("sample"):
            ids = write_sample(model, size, data["val"][:8], chance)
            emitter.emit("sample", step=step, text="".join(letters[each] for each in ids))
        if step % 10 == 0:
            speed = tokens / (time.monotonic() - began)
            sys.stdout.write(f"[PROGRESS] training: {step}/{asked.steps}\n{speed:.0f} characters a second\n")
    return "stopped on request" if control.is_stopped else "all steps are done"


def main() -> None:
    """Make the text and train."""
    parser = argparse.ArgumentParser(prog="python -m training.demo", description=__doc__)
    for option, root in (("out", "checkpoints"), ("run", "runs")):
        parser.add_argument(f"--{option}", type=Path, help=f"a folder; by default demo, demo-2, … in {root}/")
    for name, default in NUMBERS.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    name = free_name("demo", Path("checkpoints"), Path("runs"))
    asked.out, asked.run = asked.out or Path("checkpoints", name), asked.run or Path("runs", name)
    torch.manual_seed(asked.seed)
    texts = {"train": sentences(20_000, asked.seed), "val": sentences(1000, asked.seed + 1)}
    letters = sorted(set(texts["train"] + texts["val"]))
    numbers = {letter: number for number, letter in enumerate(letters)}
    data = {name: torch.tensor([numbers[letter] for letter in text]) for name, text in texts.items()}
    size = Size(len(letters), n_embd=asked.width)
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "meta.pkl").write_bytes(pickle.dumps({"stoi": numbers, "itos": dict(enumerate(letters))}))
    config = {**asdict(size), "learning_rate": LEARNING_RATE, **{name: getattr(asked, name) for name in NUMBERS}}
    with RunWriter(asked.run, config=config) as run:
        emitter.emit("training_start", total_steps=asked.steps)
        emitter.emit("training_end", reason=train(asked, run, size, data, letters))


if __name__ == "__main__":
    main()
