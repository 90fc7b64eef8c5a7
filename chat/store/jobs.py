"""Jobs as the database keeps them: each one as it was when its state last changed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict

from sqlalchemy import delete, insert, select, update

from chat.store.database import Database
from chat.store.tables import jobs
from training.jobs import Job

MOST_KEPT = 1000
MOST_TOLD = 200
_log = logging.getLogger(__name__)


class StoredJobs:
    """The jobs of one database. Every method is one transaction and may raise StoreProblem."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def changed(self, known: Mapping[str, str]) -> list[Job]:
        """The jobs in the order in which they were asked for, but for those known in the very state that they have.

        Of very many only the newest. One that cannot be read is passed over.
        """
        newest = select(jobs.c.id, jobs.c.state).order_by(jobs.c.number.desc()).limit(MOST_TOLD)
        with self._database.reading() as connection:
            ids = [row.id for row in connection.execute(newest) if known.get(row.id) != row.state]
            told = select(jobs.c.id, jobs.c.told).where(jobs.c.id.in_(ids)).order_by(jobs.c.number)
            rows = connection.execute(told).all() if ids else []
        found = []
        for row in rows:
            try:
                found.append(Job(**row.told))
            except TypeError as error:
                _log.warning("the job %s is passed over: %s", row.id, error)
        return found

    def keep(self, job: Job) -> None:
        """Keep a job in place of what was kept of it; of very many the oldest are let go."""
        values = {"state": job.state, "told": asdict(job)}
        with self._database.writing() as connection:
            if connection.execute(update(jobs).where(jobs.c.id == job.id).values(values)).rowcount == 0:
                newest = connection.execute(insert(jobs).values(id=job.id, **values)).inserted_primary_key[0]
                connection.execute(delete(jobs).where(jobs.c.number <= newest - MOST_KEPT))
