"""An index of the messages by the model that wrote them: whom a checkpoint talked to is asked again and again."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the index."""
    op.create_index("messages_by_model", "messages", ["model"])
