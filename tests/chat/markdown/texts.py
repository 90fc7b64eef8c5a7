"""Texts as models write them, and as nobody should; and how to tell whether HTML could do harm."""

from __future__ import annotations

import re

TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]*)([^>]*)>")
LIVE = {"script", "style", "img", "iframe", "form", "input", "svg", "object", "embed", "link", "meta", "base"}
LINK = re.compile(
    r' (?:class="picture" )?href="(?:https?://|mailto:)[^"]*"(?: title="[^"]*")? target="_blank" '
    r'rel="noopener noreferrer nofollow"'
)


def harms(html: str) -> list[str]:
    """The tags that could do something, or lead elsewhere than links may."""
    found = []
    for tag in TAG.finditer(html):
        closing, name, attributes = tag.groups()
        names = re.sub(r'"[^"]*"', '""', attributes)
        is_bad_link = name == "a" and not closing and not LINK.fullmatch(attributes)
        if name in LIVE or is_bad_link or re.search(r"\s(on\w+|style|id|src)=", names):
            found.append(tag[0])
    return found


WHOLE = """<think>It wants *everything*.

- a list
</think>

# Title
Some **bold**, ~~gone~~ and `code`: https://example.org/a_(b).
A second line with $E = mc^2$, \\(a_b\\) and costs of $5 and $10.
- [ ] open
- [x] done

  ```python
  def inner(): ...

  # still inner
  ```
- last
1. one
```python
def outer(x):
    return "a\\n"

```
| left | right |
|:-----|------:|
| 1    | 2     |

$$
x
- y
$$
\\[ \\begin{aligned} a &= b \\\\ c &= d \\end{aligned} \\]

> quoted
> ```
> code
> ```

Setext
---

    indented

    more

[named]: https://example.org/named

See [named]; the end\r
of it.
"""

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "[click](JaVaScRiPt&colon;alert(1))",
    "[click](data:text/html;base64,PHNjcmlwdD4=)",
    '[a](https://x.example "t")',
    "[click](vbscript:x)",
    "[click](//evil.example)",
    "<javascript:alert(1)>",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    '![x](https://evil.example/pixel.png "t")',
    "<a href='javascript:alert(1)'>x</a>",
    "<style>*{display:none}</style>",
    "<form action=//evil.example><input></form>",
    "<svg onload=alert(1)>",
    "$\\text{<img src=x onerror=alert(1)>}$",
    "$\\href{javascript:alert(1)}{x}$",
    "$\\text{</mtext><script>alert(1)</script>}$",
    "```<script>\n</code></pre><script>alert(1)</script>\n```",
    '```"onmouseover="alert(1)\nx\n```',
    "| <b onclick=x> | </td> |\n|--|--|\n| [a](javascript:x) | <td> |",
    '[a](https://x.example "\\" onclick=\\"alert(1)")',
    "https://x.example/\"onmouseover='alert(1)'",
    "<think><script>alert(1)</script></think><iframe src=x>",
    "&lt;script&gt;alert(1)&#60;/script>",
)
