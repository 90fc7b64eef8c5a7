"""What a preset may hold."""

from __future__ import annotations

from chat.schemas.body import Body, Name, Text
from chat.schemas.sampling import Sampling


class PresetBody(Body):
    """PUT /api/presets/<name>; with a model it is for that checkpoint alone."""

    parameters: Sampling
    model: Name | None = None
    system: Text | None = None
