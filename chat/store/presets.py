"""Named parameters: those that are built in, and everybody's own, for all checkpoints or for one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from chat.errors import PresetNotFound
from chat.store.database import Database
from chat.store.records import Preset
from chat.store.tables import presets
from engine import InvalidRequest

BUILT_IN = (
    Preset("neutral", None, {"temperature": 0.7, "top_k": 50, "top_p": 0.9}, None, True),
    Preset("precise", None, {"temperature": 0.2, "top_k": 40, "top_p": 0.8}, None, True),
    Preset("creative", None, {"temperature": 1.1, "top_k": 0, "top_p": 0.95, "min_p": 0.05}, None, True),
)
MOST_PRESETS = 500


class Presets:
    """The presets of one database. Every method is one transaction and may raise StoreProblem."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, owner: str | None, model: str | None = None) -> list[Preset]:
        """The built-in ones and one's own, by name; with a model only those that fit it."""
        query = select(presets.c.name, presets.c.model, presets.c.parameters, presets.c.system)
        query = query.where(presets.c.owner == (owner or "")).order_by(presets.c.name, presets.c.model)
        if model is not None:
            query = query.where(presets.c.model.in_(("", model)))
        with self._database.reading() as connection:
            found = connection.execute(query).all()
        return [*BUILT_IN, *(Preset(row.name, row.model or None, row.parameters, row.system) for row in found)]

    def put(
        self, owner: str | None, name: str, model: str | None, parameters: Mapping[str, Any], system: str | None
    ) -> Preset:
        """Keep one under this name, in place of what was there. Raises InvalidRequest for a built-in name."""
        if model is None and any(preset.name == name for preset in BUILT_IN):
            raise InvalidRequest(f"{name} is built in; choose another name", code="name_taken", param="name")
        values = {"parameters": dict(parameters), "system": system}
        with self._database.writing() as connection:
            here = presets.c.owner == (owner or ""), presets.c.name == name, presets.c.model == (model or "")
            if connection.execute(update(presets).where(*here).values(**values)).rowcount == 0:
                count = connection.execute(select(func.count()).where(presets.c.owner == (owner or ""))).scalar_one()
                if count >= MOST_PRESETS:
                    raise InvalidRequest(f"there are {count} presets already; delete some first", param="name")
                row = {"owner": owner or "", "name": name, "model": model or "", **values}
                connection.execute(insert(presets).values(**row))
        return Preset(name, model, dict(parameters), system)

    def delete(self, owner: str | None, name: str, model: str | None) -> None:
        """Forget one. Raises PresetNotFound, also for what is built in."""
        with self._database.writing() as connection:
            here = presets.c.owner == (owner or ""), presets.c.name == name, presets.c.model == (model or "")
            if connection.execute(delete(presets).where(*here)).rowcount == 0:
                raise PresetNotFound(f"there is no preset {name!r} of your own", param="name")
