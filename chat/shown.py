"""Stored messages as they are shown: with their HTML, which is made anew where the renderer has changed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from chat.parts import Parts
from chat.store.records import STREAMING, StoredMessage
from engine import EngineError

_log = logging.getLogger(__name__)


def renderer() -> str:
    """The version of what makes HTML of texts."""
    from chat.markdown import RENDERER_VERSION

    return str(RENDERER_VERSION)


def with_html(house: Parts, found: Sequence[StoredMessage]) -> list[StoredMessage]:
    """The same messages; an answer's `html` and `reasoning` fit its text and this server's renderer."""
    from chat.markdown import render, split_reasoning

    version = renderer()
    stale = [
        message
        for message in found
        if message.role == "assistant" and message.status != STREAMING and message.html_version != version
    ]
    if not stale:
        return list(found)
    made = {message.id: (render(message.content), split_reasoning(message.content)[0] or None) for message in stale}
    try:
        house.store.messages.cache_html(made, version)
    except EngineError as error:
        _log.debug("rendered text is not kept: %s", error.message)
    return [
        replace(message, html=made[message.id][0], reasoning=made[message.id][1]) if message.id in made else message
        for message in found
    ]


def current(house: Parts, found: Sequence[StoredMessage]) -> list[StoredMessage]:
    """The same messages, where one that nobody writes any more is read again as interrupted."""

    def alive() -> set[str]:
        return {run.run_id for run in house.runs.live()}

    now = alive()
    if all(message.status != STREAMING or message.run_id in now for message in found):
        return list(found)
    house.store.writers.interrupt_abandoned(alive)
    return house.store.messages.read([message.id for message in found])
