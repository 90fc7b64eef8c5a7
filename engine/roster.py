"""The models that are loaded or on their way, behind one lock, and how everybody hears of what becomes of them.

It tells and takes down; what is loaded and who is asked, the fleet decides. Nothing that can block happens while the
lock is held.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Condition

from engine.errors import EngineError, Overloaded
from engine.residents import Resident, Residents
from engine.status import MemoryPicture, Status

logger = logging.getLogger(__name__)

OnStatus = Callable[[Status], None]


class Roster:
    """Residents and their ends. Every method may be called from any thread, also with the lock `changed` held."""

    def __init__(self, budget_bytes: int, on_status: OnStatus) -> None:
        self.residents = Residents(budget_bytes)
        self.changed = Condition()
        self._on_status = on_status

    def status(self, checkpoint_id: str) -> Status:
        """The status of a model, `unloaded` when nothing is known of it."""
        with self.changed:
            resident = self.residents.get(checkpoint_id)
            return Status(checkpoint_id) if resident is None else resident.status()

    def statuses(self) -> dict[str, Status]:
        """The status of every model that is not unloaded."""
        with self.changed:
            return {resident.id: resident.status() for resident in self.residents}

    def memory(self) -> MemoryPicture:
        """The budget and what is taken of it."""
        with self.changed:
            return MemoryPicture(self.residents.budget_bytes, self.residents.used_bytes)

    def most_recent_id(self) -> str | None:
        """The ready model that was used last."""
        with self.changed:
            resident = self.residents.most_recent()
            return None if resident is None else resident.id

    def wait_until_loaded(self, checkpoint_id: str, timeout_seconds: float | None) -> Status:
        """Block until the model is neither queued nor loading. Raises what made loading fail, or TimeoutError."""
        with self.changed:
            resident = self.residents.get(checkpoint_id)
            if resident is None:
                return Status(checkpoint_id)
            if not self.changed.wait_for(lambda: not resident.is_coming, timeout_seconds):
                raise TimeoutError(f"{checkpoint_id} was not loaded in {timeout_seconds} s")
            if resident.error is not None:
                raise resident.error
            return resident.status()

    def tell(self, resident: Resident) -> Status:
        """Tell of a model's state as it is now; one whose place another has taken is no longer spoken of."""
        with self.changed:
            status = resident.status()
            self.changed.notify_all()
            if self.residents.get(resident.id) in (resident, None):
                self._on_status(status)
        return status

    def retire(self, resident: Resident, reason: str) -> bool:
        """Accept nothing for a model any more, and fail what it owes; False when somebody else does so already.

        Whoever decides that a model goes does this while the lock that the decision was made under is still held.
        """
        with self.changed:
            if resident.state in ("unloading", "unloaded"):
                return False
            resident.state, resident.progress, resident.error = "unloading", None, None
            resident.fail_runs(Overloaded(f"{resident.id} was stopped: {reason}", code="model_unloaded"))
            self.tell(resident)
            return True

    def finish(self, resident: Resident, reason: str) -> int:
        """End the worker of a retired model; the bytes that it held."""
        if resident.host is not None:
            resident.host.stop(reason)
        with self.changed:
            resident.state, freed = "unloaded", resident.memory_bytes
            resident.memory_bytes, resident.cache_bytes, resident.facts, resident.host = 0, 0, None, None
            self.residents.remove(resident)
            self.tell(resident)
        logger.info("%s is unloaded (%s); %d bytes are free again", resident.id, reason, freed)
        return freed

    def see_off(self, resident: Resident, reason: str, *, is_ours: bool) -> int:
        """Finish a model that is ours to finish, or wait for who is at it; the bytes that we made free."""
        if is_ours:
            return self.finish(resident, reason)
        with self.changed:
            self.changed.wait_for(lambda: resident.state == "unloaded")
        return 0

    def take_down(self, resident: Resident, reason: str) -> int:
        """Retire a model and see it off."""
        return self.see_off(resident, reason, is_ours=self.retire(resident, reason))

    def fail(self, resident: Resident, error: EngineError) -> None:
        """Note that a model is lost, and tell everybody who waits for it; its worker is not ended by that."""
        with self.changed:
            if resident.state in ("failed", "unloading", "unloaded"):
                return
            resident.state, resident.progress, resident.error = "failed", None, error
            resident.memory_bytes, resident.cache_bytes, resident.facts = 0, 0, None
            resident.fail_runs(error)
        logger.error("%s failed: %s", resident.id, error)
        self.tell(resident)
