"""Answers of any length, made up: prose, lists, a table, formulas and code, again and again."""

from __future__ import annotations

PASSAGE = """## What step {number} shows

The loss falls **quickly** at first and then slowly, as $L(n) = a n^{{-b}} + c$ has it; see https://example.org/{number}
for the *whole* curve. What to look at:

- the gradient's norm, which `clip_grad_norm_` bounds
- the learning rate, which is still warming up
  1. first the warm-up
  2. then the decay

| step | loss | tokens |
|-----:|-----:|-------:|
| {number}00 | 3.57 | 1.2 M |
| {number}50 | 3.21 | 1.8 M |

```python
def step_{number}(model, batch):
    loss = model(batch.inputs, batch.targets)  # one number
    loss.backward()
    return loss.item()
```

> Measure first; then change one thing.

"""


def answer(characters: int) -> str:
    """A text of this many characters."""
    passages = (PASSAGE.format(number=number) for number in range(1, 2 + characters // 400))
    return "".join(passages)[:characters]


def code(characters: int) -> str:
    """One code block that is never closed."""
    lines = "".join(f"    total_{number} = add(total, {number})  # so far\n" for number in range(characters // 30))
    return f"```python\n{lines}"[:characters]


def line(characters: int) -> str:
    """One line without an end."""
    return ("lorem ipsum dolor sit amet " * (characters // 27 + 1))[:characters]
