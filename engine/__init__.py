"""The model side of Parley. These names are all that the web may use; importing them does not import torch."""

from engine.bulletin import Subscription
from engine.catalog.info import GROUPS, CheckpointInfo, Listing
from engine.completion import Completion
from engine.engine import Engine, EngineOptions
from engine.errors import (
    CheckpointNotFound,
    CheckpointProblem,
    EngineError,
    InvalidRequest,
    LoadCancelled,
    ModelBusy,
    Overloaded,
    WorkerFailed,
)
from engine.letters import Done, Event, Failed, Progress, Started, Token
from engine.request import MAX_STOP_STRINGS, SAMPLING_FIELDS, GenerationRequest, Message, SamplingParams
from engine.status import (
    Change,
    CheckpointAppeared,
    CheckpointChanged,
    CheckpointGone,
    LoadOptions,
    MemoryEstimate,
    MemoryPicture,
    Status,
    StatusChanged,
)
from engine.version import VERSION

__all__ = [
    "GROUPS",
    "MAX_STOP_STRINGS",
    "SAMPLING_FIELDS",
    "VERSION",
    "Change",
    "CheckpointAppeared",
    "CheckpointChanged",
    "CheckpointGone",
    "CheckpointInfo",
    "CheckpointNotFound",
    "CheckpointProblem",
    "Completion",
    "Done",
    "Engine",
    "EngineError",
    "EngineOptions",
    "Event",
    "Failed",
    "GenerationRequest",
    "InvalidRequest",
    "Listing",
    "LoadCancelled",
    "LoadOptions",
    "MemoryEstimate",
    "MemoryPicture",
    "Message",
    "ModelBusy",
    "Overloaded",
    "Progress",
    "SamplingParams",
    "Started",
    "Status",
    "StatusChanged",
    "Subscription",
    "Token",
    "WorkerFailed",
]
