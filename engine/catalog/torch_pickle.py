"""What torch.save puts into its pickle, as plain values: tensors become the place of their numbers in the archive.

Of torch's own objects those are understood that hold weights in dense form; sparse, quantised and nested tensors stay
recorded and are refused where a weight is wanted.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.catalog.encodings import BLOCKS
from engine.catalog.inert_pickle import Maker, Reader, Spend
from engine.catalog.recorded import Global, Recorded, as_key
from engine.catalog.torch_zip import PICKLE, Archive
from engine.errors import CheckpointProblem

LONGEST_PICKLE = 64 * 1024 * 1024
HIGHEST_RANK = 8
STORAGES: Mapping[str, str] = {
    "DoubleStorage": "F64",
    "FloatStorage": "F32",
    "HalfStorage": "F16",
    "BFloat16Storage": "BF16",
    "LongStorage": "I64",
    "IntStorage": "I32",
    "ShortStorage": "I16",
    "CharStorage": "I8",
    "ByteStorage": "U8",
    "BoolStorage": "BOOL",
}
ITEM_BYTES: Mapping[str, int] = {
    **{name: BLOCKS[name][1] for name in STORAGES.values() if name in BLOCKS},
    "U8": 1,
    "BOOL": 1,
    "U16": 2,
    "U32": 4,
    "U64": 8,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
}
# Types that torch has no storage class for are named by their dtype.
DTYPES: Mapping[str, str] = {
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
    "uint16": "U16",
    "uint32": "U32",
    "uint64": "U64",
}
SCALARS = {"F64": "d", "F32": "f", "F16": "e", "I64": "q", "I32": "i", "I16": "h", "I8": "b", "U8": "B", "BOOL": "?"}
# What a pickle names only to do harm to those who open it elsewhere.
HARMFUL_MODULES = {"os", "posix", "nt", "subprocess", "sys", "socket", "shutil", "runpy", "ctypes", "importlib", "pty"}
HARMFUL_BUILTINS = {"eval", "exec", "compile", "open", "__import__", "execfile", "input"}


@dataclass(frozen=True, slots=True)
class Storage:
    """A run of numbers in the member data/<key>; `encoding` is None where only its bytes are known."""

    key: str
    count: int
    encoding: str | None


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor's view of a storage; offset and strides count numbers."""

    storage: Storage
    encoding: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many numbers the tensor has."""
        return math.prod(self.shape)

    @property
    def span(self) -> int:
        """How many numbers lie from its first to its last, both included."""
        if not self.count:
            return 0
        return 1 + sum((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True))

    @property
    def is_contiguous(self) -> bool:
        """Whether the numbers lie one behind the other in the order of the shape."""
        expected = 1
        for size, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if size != 1 and stride != expected:
                return False
            expected *= size
        return True


def read(archive: Archive) -> Any:
    """The value that was saved. Raises CheckpointProblem, `unsafe_file`, for what is not sound or would do harm."""
    reader = Reader(archive.read(PICKLE, LONGEST_PICKLE), MAKERS, _storage)
    return _harmless(reader, archive.path.name)


def read_bare(data: bytes, name: str = "the file") -> Any:
    """The value of a pickle that holds no tensors. Raises CheckpointProblem, `unsafe_file`, as `read` does."""
    return _harmless(Reader(data, MAKERS), name)


def _harmless(reader: Reader, name: str) -> Any:
    value = reader.read()
    harmful = sorted(str(each) for each in reader.globals if _is_harmful(each))
    if harmful:
        raise CheckpointProblem(
            f"{name} would run {harmful[0][:80]} in a program that trusts it; nothing of it was run here",
            code="unsafe_file",
            hint="Do not open this file with torch.load; ask where it comes from.",
        )
    return value


def scalar(archive: Archive, tensor: StoredTensor) -> float | int | bool | None:
    """The number of a tensor that has one, or None when it has several or is of a type that is not read here."""
    if tensor.count != 1 or tensor.encoding not in SCALARS | {"BF16": ""}:
        return None
    size = ITEM_BYTES[tensor.encoding]
    offset, nbytes = archive.place(f"data/{tensor.storage.key}")
    if (tensor.offset + 1) * size > nbytes:
        return None
    with archive.path.open("rb") as stream:
        stream.seek(offset + tensor.offset * size)
        data = stream.read(size)
    if tensor.encoding == "BF16":  # the upper half of a float32
        return struct.unpack("<f", b"\0\0" + data)[0]
    return struct.unpack("<" + SCALARS[tensor.encoding], data)[0]


def _is_harmful(named: Global) -> bool:
    package = named.module.split(".")[0]
    is_path = named.module in ("os.path", "posixpath", "ntpath")
    is_builtin = package in ("builtins", "__builtin__") and named.name in HARMFUL_BUILTINS
    return (package in HARMFUL_MODULES and not is_path) or is_builtin


def _storage(reference: Any) -> Storage:
    kind, named, key, _, count = reference[:5] if isinstance(reference, tuple) else (None,) * 5
    is_sound = kind == "storage" and isinstance(named, Global) and isinstance(key, str)
    if not is_sound or not _is_count(count):
        raise ValueError("a reference to data that is no storage")
    return Storage(key, count, STORAGES.get(named.name))


def _tensor(arguments: tuple[Any, ...], spend: Spend) -> Any:
    storage, offset, shape, strides = arguments[:4]
    if not isinstance(storage, Storage):
        raise TypeError("a tensor without a storage")
    return _checked(storage, storage.encoding, offset, shape, strides)


def _typed_tensor(arguments: tuple[Any, ...], spend: Spend) -> Any:
    storage, offset, shape, strides, _, _, dtype = arguments[:7]
    encoding = DTYPES.get(dtype.name) if isinstance(dtype, Global) else None
    if not isinstance(storage, Storage):
        raise TypeError("a tensor without a storage")
    return _checked(storage, encoding, offset, shape, strides)


def _checked(storage: Storage, encoding: str | None, offset: Any, shape: Any, strides: Any) -> Any:
    numbers = (offset, *shape, *strides)
    are_counts = {*map(type, numbers)} == {int} and min(numbers) >= 0 and max(numbers) < 1 << 62
    if len(shape) != len(strides) or len(shape) > HIGHEST_RANK or not are_counts:
        raise ValueError("a tensor of an impossible shape")
    if encoding is None:
        return Recorded(Global("torch", "Tensor"), (storage, offset, shape, strides))
    return StoredTensor(storage, encoding, offset, tuple(shape), tuple(strides))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 62


def _first(arguments: tuple[Any, ...], spend: Spend) -> Any:
    return arguments[0]


def _of_a_kind(arguments: tuple[Any, ...], spend: Spend) -> Any:
    """A tensor's subclass without data of its own, such as a parameter."""
    maker = MAKERS.get(str(arguments[0]))
    if maker not in (_tensor, _typed_tensor):
        return Recorded(arguments[0], arguments)
    return maker(arguments[2], spend)


def _dictionary(arguments: tuple[Any, ...], spend: Spend) -> dict[Any, Any]:
    given = next((each for each in arguments if isinstance(each, dict | list)), ())
    spend(len(given))
    pairs = given.items() if isinstance(given, dict) else [(pair[0], pair[1]) for pair in given]
    return {as_key(key): value for key, value in pairs}


def _set(arguments: tuple[Any, ...], spend: Spend) -> set[Any]:
    given = arguments[0] if arguments and isinstance(arguments[0], list | tuple | set) else ()
    spend(len(given))
    return set(map(as_key, given))


def _sequence(arguments: tuple[Any, ...], spend: Spend) -> tuple[Any, ...]:
    given = arguments[0] if arguments and isinstance(arguments[0], list | tuple) else ()
    spend(len(given))
    return tuple(given)


def _encoded(arguments: tuple[Any, ...], spend: Spend) -> bytes:
    text = arguments[0]
    if not isinstance(text, str):
        raise TypeError("bytes that are no text")
    spend(len(text) // 16)
    return text.encode("latin-1")


def _path(arguments: tuple[Any, ...], spend: Spend) -> str:
    spend(sum(len(part) for part in arguments if isinstance(part, str)) // 16)
    return "/".join(part for part in arguments if isinstance(part, str)).replace("//", "/")


def _text(arguments: tuple[Any, ...], spend: Spend) -> Any:
    return ":".join(str(part) for part in arguments if isinstance(part, str | int))


def _number(arguments: tuple[Any, ...], spend: Spend) -> Any:
    """A numpy scalar: its dtype and its bytes."""
    kind, data = arguments
    forms = {"f8": "<d", "f4": "<f", "f2": "<e", "i8": "<q", "i4": "<i", "i2": "<h", "i1": "<b", "u1": "<B", "b1": "<?"}
    name = kind.arguments[0] if isinstance(kind, Recorded) and kind.arguments else None
    is_known = isinstance(name, str) and name in forms and isinstance(data, bytes)
    return struct.unpack(forms[name], data)[0] if is_known else Recorded(kind, (data,))


MAKERS: Mapping[str, Maker] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _typed_tensor,
    "torch._utils._rebuild_parameter": _first,
    "torch._utils._rebuild_parameter_with_state": _first,
    "torch._tensor._rebuild_from_type_v2": _of_a_kind,
    "torch.Size": _sequence,
    "torch.device": _text,
    **dict.fromkeys(("collections.OrderedDict", "collections.Counter", "collections.defaultdict"), _dictionary),
    **dict.fromkeys(("builtins.set", "__builtin__.set", "builtins.frozenset", "__builtin__.frozenset"), _set),
    "_codecs.encode": _encoded,
    **{f"pathlib.{name}": _path for name in ("PosixPath", "WindowsPath", "PurePosixPath", "Path")},
    **{f"pathlib._local.{name}": _path for name in ("PosixPath", "WindowsPath")},
    **{f"numpy.{core}.multiarray.scalar": _number for core in ("core", "_core")},
}
