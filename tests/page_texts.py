"""Answers for the page: what models write when they are good, and what a page must bear when they are not."""

from __future__ import annotations

RICH = r"""<think>
The user wants to see *everything*. So:

1. headings, lists, a table
2. code, formulas, quotes
</think>

# Training a small model

The loss of a model with $N$ parameters falls roughly as $L(N) = \left(\frac{N_c}{N}\right)^{\alpha}$, with
**diminishing** returns and ~~no~~ few surprises. See https://example.org/scaling_(laws) or
[the *original* paper](https://example.org/paper "A title").

## What to watch

- the gradient's norm, which `clip_grad_norm_` bounds
- the learning rate:
  1. warm-up over 2,000 steps
  2. cosine decay
     - down to a tenth
- [x] tokenizer trained
- [ ] evaluation written

### A step

```python
from torch.nn.functional import cross_entropy


@torch.inference_mode()
def evaluate(model: Model, batches: Iterable[Batch], limit: int = 100) -> float:
    '''Mean loss per token, in nats.'''
    losses = [cross_entropy(model(batch.ids), batch.targets).item() for batch in islice(batches, limit)]  # a long line
    return sum(losses) / len(losses) if losses else float("nan")
```

| step | tokens | loss | remark |
|-----:|-------:|-----:|:-------|
| 1,000 | 0.5 M | 4.21 | still warming up |
| 10,000 | 5.2 M | **3.07** | `lr` at its peak |
| 100,000 | 52 M | 2.43 | decayed |

> A loss that falls is no proof.
>
> > Samples are.

\[
\begin{aligned}
p(x) &= \prod_{t=1}^{T} p(x_t \mid x_{<t}) \\
H &= -\frac{1}{T} \sum_{t=1}^{T} \log p(x_t \mid x_{<t})
\end{aligned}
\]

```diff
- loss.backward()
+ scaler.scale(loss).backward()
```

---

It costs $5 to $10 an hour. ![A loss curve](https://example.org/curve.png)

#### Other scripts

中文段落：模型的损失随着训练步数下降。`代码` 和 **粗体** 都可以。

هذه فقرة بالعربية عن تدريب النماذج، مع كلمة English في وسطها.

1. واحد
2. اثنان
"""

HOSTILE = """<script>document.title = "taken"</script>

<img src=x onerror="document.title='taken'"> <svg onload="document.title='taken'">

[a link](javascript:document.title='taken') and [another](data:text/html,<script>x</script>) and <javascript:x>

![pixel](https://evil.example/pixel.png) ![data](data:image/svg+xml,<svg/onload=x>)

<style>body { display: none }</style><form action=//evil.example><input name=q></form>
<iframe src=//evil.example></iframe>

$\\text{<img src=x onerror=document.title=1>}$ and $\\href{javascript:x}{y}$

```html"><script>document.title='taken'</script>
<script>document.title = 'taken'</script>
```

| <b onclick=x> | [x](javascript:x) |
|---|---|
| <td> | </table><script>x</script> |
"""

SIDEWAYS = "\n".join(["|" + "head|" * 500, "|" + "---|" * 500, *["|" + "cell|" * 500] * 3])
UNCLOSED = "Here it is:\n\n```js\nconst answer = `\n# no heading\n\n- no list <b>bold</b>\n"
ZALGO = (
    "Before it.\n\nZ" + "\u0310\u0352\u0321\u0337" * 60 + "a" + "\u0348\u0359" * 60 + "lgo\n\nAfter it.\n\n"
    "An \u202eoverride\u202c of direction and `co\u202ede`.\n\n```\nif admin\u202e\u2066: pass\u2069\u2066\n```\n"
)
GROWING_CODE = "```py\n" + "".join(f"line {number} of many\n" for number in range(200))

# Questions that a person may ask for a picture, with answers.
GUIDES = {
    "How does greedy decoding work?": """At every step the model gives each token a number, its **logit**. Greedy \
decoding takes the largest one:

```python
def greedy(logits):  # (batch, vocabulary)
    return logits.argmax(-1)
```

It is the same as sampling at temperature 0. The same prompt always gives the same text, which makes it the way to \
compare checkpoints:

| step | loss | first words of the answer |
|-----:|-----:|---------------------------|
| 1,000 | 3.57 | *The the of the model is* |
| 20,000 | 2.11 | *A checkpoint is a photograph* |
""",
    "贪心解码是怎样工作的？": """每一步，模型都会给每个词元一个数值，叫作 **logit**。贪心解码只取最大的一个：

```python
def greedy(logits):  # (batch, vocabulary)
    return logits.argmax(-1)
```

这等于温度为 0 的采样。同样的提示总会得到同样的文字，因此适合用来比较检查点：

| 步数 | 损失 | 回答的开头 |
|-----:|-----:|------------|
| 1,000 | 3.57 | *的的模型是* |
| 20,000 | 2.11 | *检查点就像一张照片* |
""",
}
TEXTS = {
    **GUIDES,
    "/rich": RICH,
    "/hostile": HOSTILE,
    "/line": "x" * 100_000,
    "/wide": SIDEWAYS,
    "/unclosed": UNCLOSED,
    "/zalgo": ZALGO,
}
