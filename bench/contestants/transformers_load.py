"""transformers' own way to a model and its tokenizer, of a directory or a GGUF file; prints the seconds it took."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def main() -> None:
    """Load what the first argument names with the threads of the second."""
    model = Path(sys.argv[1])
    torch.set_num_threads(int(sys.argv[2]))
    source = {} if model.is_dir() else {"gguf_file": model.name}
    folder = str(model if model.is_dir() else model.parent)
    started = time.perf_counter()
    AutoTokenizer.from_pretrained(folder, **source)
    AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **source).eval()
    print(time.perf_counter() - started)


if __name__ == "__main__":
    main()
