"""Turns the growing text of an answer into safe HTML, block by block; the web process pays for it at the first text.

`Block` is one change of what is shown, `BlockStream` makes them from a stream, `render` makes the whole of a text, and
`split_reasoning` tells what a model thought from what it said. For any split of a text the final blocks, put after each
other, are what `render` gives. Nothing here trusts a text: what comes out has passed an explicit allow-list.
"""

from chat.markdown.block import Block
from chat.markdown.reasoning import split_reasoning
from chat.markdown.stream import BlockStream, render

__all__ = ["RENDERER_VERSION", "Block", "BlockStream", "render", "split_reasoning"]

RENDERER_VERSION = 1
"""Rises when the same text would give other HTML, so that what was stored can be made anew."""
