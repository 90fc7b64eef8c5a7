"""A checkpoint opened to be read: what its format says of it, and before that what its owner said."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from engine.catalog import native, templates, tokenizer_files
from engine.catalog.declared import Declared
from engine.catalog.evidence import STAGE_GROUPS
from engine.catalog.formats import named
from engine.catalog.info import ChatTemplate, CheckpointInfo, Problem, TensorRecord, TokenizerSpec
from engine.catalog.sidecar import Sidecar, sidecar
from engine.catalog.source import Source
from engine.errors import CheckpointProblem

NOTHING_SAID = Sidecar()
# Families whose experts lie in one tensor, which is not made int8.
WHOLE_EXPERTS = frozenset({"gpt_oss"})


@dataclass(frozen=True, slots=True)
class Opened:
    """Every method reads the files anew. Each raises CheckpointProblem for what is wrong with the checkpoint."""

    path: Path
    format: str
    said: Sidecar = NOTHING_SAID

    def config(self) -> dict[str, Any]:
        """config.json as Hugging Face would have it."""
        source = self._source()
        return {**(named(self.format).config(self.path) if source is None else native.config(source)), **self._told()}

    def tensors(self) -> tuple[TensorRecord, ...]:
        """Where each tensor lies."""
        source = self._source()
        return named(self.format).tensors(self.path) if source is None else native.tensors(source)

    def candidates(self) -> tuple[tuple[str, dict[str, Any], tuple[TensorRecord, ...]], ...]:
        """A name, a config and the tensors of all that the model may be; empty where everything is told."""
        source = self._source()
        found = () if source is None else native.candidates(source)
        return tuple((label, {**config, **self._told()}, records) for label, config, records in found)

    def tokenizer(self) -> TokenizerSpec:
        """The tokenizer with its special tokens."""
        if self.said.tokenizer is not None:
            return tokenizer_files.of_file(self.said.tokenizer, self.path.parent, self.config())
        source = self._source()
        return named(self.format).tokenizer(self.path) if source is None else native.tokenizer(source)

    def template(self) -> ChatTemplate | None:
        """The chat template: the one that was said, the checkpoint's, that of a tokenizer that was said, or None."""
        if self.said.template is not None:
            return self.said.template
        source = self._source()
        own = named(self.format).template(self.path) if source is None else native.template(source)
        if own is None and self.said.tokenizer is not None:
            return templates.near(self.said.tokenizer.parent)
        return own

    def _source(self) -> Source | None:
        """What a tool with names of its own left; what the owner says of it comes before all that it declares."""
        form = named(self.format)
        return _told_first(form.source(self.path), self.said) if hasattr(form, "source") else None

    def _told(self) -> dict[str, Any]:
        """What was said, less what a translation has turned into the way the weights lie."""
        return {name: value for name, value in self.said.settings.items() if name != "rope_style"}


def _told_first(source: Source, said: Sidecar) -> Source:
    if not said.settings:
        return source
    return replace(source, declared=Declared([(said.files[-1], said.settings), *source.declared.sections]))


def opened(info: CheckpointInfo) -> Opened:
    """A checkpoint of the list."""
    return Opened(info.path, info.format, info.said or NOTHING_SAID)


def described(form: ModuleType, path: Path, checkpoint_id: str, root: Path) -> CheckpointInfo:
    """What the format says of a checkpoint, with what its owner said in its place."""
    info = form.describe(path, checkpoint_id)
    try:
        said = sidecar(path, root)
    except CheckpointProblem as error:
        return replace(info, problem=Problem(error.code, error.message, error.hint))
    if said.settings and hasattr(form, "source"):
        info = native.describe(replace(info, problem=None), lambda: _told_first(form.source(path), said))
    info = info if said == NOTHING_SAID else _overridden(info, said)
    return _with_whole_experts(info) if info.family in WHOLE_EXPERTS and info.problem is None else info


def _with_whole_experts(info: CheckpointInfo) -> CheckpointInfo:
    try:
        shapes = [record.shape for record in opened(info).tensors()]
    except CheckpointProblem as error:
        return replace(info, problem=Problem(error.code, error.message, error.hint))
    return replace(info, float32_parameters=sum(math.prod(shape) for shape in shapes if len(shape) == 3))


def _overridden(info: CheckpointInfo, said: Sidecar) -> CheckpointInfo:
    """Each value that was said takes the place of what was found; the evidence names the file that said it."""
    context, stop = said.settings.get("max_position_embeddings"), {"stop": said.stop} if said.stop else {}
    template = _template(info, said)
    values = {
        "name": said.title,
        "run": said.run,
        "stage": said.stage,
        "group": STAGE_GROUPS.get(said.stage or "", "Other") if said.stage else None,
        "family": said.settings.get("model_type"),
        "context_length": context if isinstance(context, int) else None,
        "tokenizer": said.tokenizer and {"kind": said.tokenizer.name, "source": said.tokenizer.name},
        "chat_template": template and {"source": template.source},
        "sampling_defaults": {**info.sampling_defaults, **stop} if stop else None,
    }
    told = {name: value for name, value in values.items() if value is not None}
    settled = said.tokenizer is not None and info.problem is not None and info.problem.code == "tokenizer_not_found"
    where = f"said in {said.files[-1]}"
    return replace(
        info,
        **told,
        said=said,
        evidence={**info.evidence, **dict.fromkeys((*told, *said.settings), where)},
        problem=None if settled else info.problem,
    )


def _template(info: CheckpointInfo, said: Sidecar) -> ChatTemplate | None:
    """The one that was said, or what comes of a tokenizer that was; None leaves what was found."""
    if said.tokenizer is None:
        return said.template
    try:
        return Opened(info.path, info.format, said).template()
    except CheckpointProblem:
        return None  # What keeps the checkpoint from being opened is its problem already.
