"""Brings a database to the shape that this Parley knows. A shape from a newer one is left alone and refused."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from chat.errors import StoreProblem

# Oldest first. Written here so that a database that is up to date costs no import of Alembic.
REVISIONS = ("0001", "0002", "0003", "0004")
_STEPS = Path(__file__).parent / "migrations"
# Any number will do, as long as every Parley takes the same.
_ADVISORY_LOCK = 5_001_021


def revision_of(connection: Connection) -> str | None:
    """The last step that this database has taken; None for one that is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def refuse_unknown(revision: str | None) -> None:
    """Raise StoreProblem for a shape that this Parley does not know."""
    if revision is not None and revision not in REVISIONS:
        raise StoreProblem(
            f"the database was written by a newer Parley: its tables have version {revision}, "
            f"and this one knows them up to {REVISIONS[-1]}",
            code="database_too_new",
            hint="Start the newer Parley, or name another place with --data-directory or --database-url.",
        )


def upgrade(connection: Connection) -> None:
    """Take the steps that are missing, inside the transaction of this connection."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    # Another server may have taken them while this one waited.
    revision = revision_of(connection)
    refuse_unknown(revision)
    if revision == REVISIONS[-1]:
        return
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(_STEPS))
    context = MigrationContext.configure(
        connection, opts={"fn": lambda current, _: scripts._upgrade_revs(REVISIONS[-1], current)}
    )
    with Operations.context(context):
        context.run_migrations()
