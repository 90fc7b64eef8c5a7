"""The one value that tells what changed in a text that is shown while it grows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Block:
    """One change of what is shown.

    `html` takes the place of what stands at `index`; where `append` is set it is text (escaped, without tags) that goes
    to the end of it. A `final` block never changes again.
    """

    index: int
    html: str
    final: bool
    append: bool = False
