"""A checkpoint opened to be read: what its format says of it, and before that what its owner said."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from engine.catalog import native, tokenizer_files
from engine.catalog.declared import Declared
from engine.catalog.evidence import STAGE_GROUPS
from engine.catalog.formats import named
from engine.catalog.info import ChatTemplate, CheckpointInfo, Problem, TensorRecord, TokenizerSpec
from engine.catalog.sidecar import Sidecar, sidecar
from engine.catalog.source import Source
from engine.errors import CheckpointProblem

NOTHING_SAID = Sidecar()


@dataclass(frozen=True, slots=True)
class Opened:
    """Every method reads the files anew. Each raises CheckpointProblem for what is wrong with the checkpoint."""

    path: Path
    format: str
    said: Sidecar = NOTHING_SAID

    def config(self) -> dict[str, Any]:
        """config.json as Hugging Face would have it."""
        if (source := self._source()) is not None:
            return {**native.config(source), **self._told()}
        return {**named(self.format).config(self.path), **self._told()}

    def tensors(self) -> tuple[TensorRecord, ...]:
        """Where each tensor lies."""
        source = self._source()
        return named(self.format).tensors(self.path) if source is None else native.tensors(source)

    def candidates(self) -> tuple[tuple[str, dict[str, Any], tuple[TensorRecord, ...]], ...]:
        """A name, a config and the tensors of all that the model may be; empty where everything is told."""
        form, source = named(self.format), self._source()
        if source is None and not hasattr(form, "candidates"):
            return ()
        found = form.candidates(self.path) if source is None else native.candidates(source)
        return tuple((label, {**config, **self._told()}, records) for label, config, records in found)

    def tokenizer(self) -> TokenizerSpec:
        """The tokenizer with its special tokens."""
        if self.said.tokenizer is not None:
            return tokenizer_files.spec(self.said.tokenizer, self.path.parent, self.config())
        source = self._source()
        return named(self.format).tokenizer(self.path) if source is None else native.tokenizer(source)

    def template(self) -> ChatTemplate | None:
        """The chat template, None where there is none."""
        if self.said.template is not None or self.said.tokenizer is not None:
            return self.said.template
        source = self._source()
        return named(self.format).template(self.path) if source is None else native.template(source)

    def _source(self) -> Source | None:
        """Where a format of native weights is told by its owner what they are, that comes before all it declares."""
        form = named(self.format)
        return (
            None if not self.said.settings or not hasattr(form, "source") else _told_first(form, self.path, self.said)
        )

    def _told(self) -> dict[str, Any]:
        """What was said, less what a translation has turned into the way the weights lie."""
        return {name: value for name, value in self.said.settings.items() if name != "rope_style"}


def _told_first(form: ModuleType, path: Path, said: Sidecar) -> Source:
    source = form.source(path)
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
        info = native.describe(replace(info, problem=None), lambda: _told_first(form, path, said))
    return info if said == NOTHING_SAID else _overridden(info, said)


def _overridden(info: CheckpointInfo, said: Sidecar) -> CheckpointInfo:
    """Each value that was said takes the place of what was found; the evidence names the file that said it."""
    context, stop = said.settings.get("max_position_embeddings"), {"stop": said.stop} if said.stop else {}
    values = {
        "name": said.title,
        "run": said.run,
        "stage": said.stage,
        "group": STAGE_GROUPS.get(said.stage or "", "Other") if said.stage else None,
        "family": said.settings.get("model_type"),
        "context_length": context if isinstance(context, int) else None,
        "tokenizer": said.tokenizer and {"kind": "tokenizer.json", "source": said.tokenizer.name},
        "chat_template": said.template and {"source": said.template.source},
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
