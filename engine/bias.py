"""What a caller wants added to the logits of some tokens, so that they come more often, less often or never."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.errors import InvalidRequest
from engine.request import LogitBias


class Bias:
    """The additions of one answer. Raises InvalidRequest for an id that is none of the `known` first ones."""

    def __init__(self, wanted: LogitBias, known: int, device: torch.device) -> None:
        unknown = [each for each, _ in wanted if each >= known]
        if unknown:
            raise InvalidRequest(
                f"logit_bias holds the id {unknown[0]}; the last one is {known - 1}",
                param="logit_bias",
                hint="POST /api/tokenize tells the ids of a text.",
            )
        self._ids = torch.tensor([each for each, _ in wanted], device=device)  # (wanted,)
        self._amounts = torch.tensor([amount for _, amount in wanted], device=device)  # (wanted,)

    @torch.inference_mode()
    def add(self, logits: Tensor) -> Tensor:
        """The (known,) logits with the amounts added; those given stay as they are."""
        return logits.index_add(0, self._ids, self._amounts.to(logits.dtype))
