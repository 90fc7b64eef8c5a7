"""Everything that can go wrong in the engine, worded for the person who has to act on it."""

from __future__ import annotations


class EngineError(Exception):
    """A failure with a machine-readable code, a sentence for people and, where there is one, a remedy.

    Errors travel from a worker's process to the web process, so they pickle with all their parts.
    """

    code = "engine_error"

    def __init__(
        self, message: str, *, code: str | None = None, param: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.param = param
        self.hint = hint

    def __reduce__(self) -> tuple:
        return _rebuild, (type(self), self.message, self.code, self.param, self.hint)


def _rebuild(kind: type[EngineError], message: str, code: str, param: str | None, hint: str | None) -> EngineError:
    return kind(message, code=code, param=param, hint=hint)


class InvalidRequest(EngineError):
    """The caller asked for something that cannot be: a value out of range, a prompt too long."""

    code = "out_of_range"


class CheckpointNotFound(EngineError):
    """No checkpoint with that id was discovered."""

    code = "model_not_found"


class CheckpointProblem(EngineError):
    """The checkpoint itself cannot be used: truncated, incomplete, unknown or too large."""

    code = "checkpoint_problem"


class ModelBusy(EngineError):
    """The model is answering someone or is being loaded, and the request would disturb that."""

    code = "model_busy"


class Overloaded(EngineError):
    """Nothing is wrong with the request: there is no room for it at the moment."""

    code = "queue_full"


class WorkerFailed(EngineError):
    """The process that computes ended or broke while it worked on this."""

    code = "worker_failed"


class LoadCancelled(EngineError):
    """Loading was called off before the model was ready."""

    code = "load_cancelled"
