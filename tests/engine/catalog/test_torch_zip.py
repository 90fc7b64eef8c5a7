"""The container is believed only where its directory, its members and the file agree."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest
import torch

from engine.catalog import torch_zip
from engine.catalog.torch_zip import Archive, begins_as_torch, open_archive
from engine.errors import CheckpointProblem
from tests.torch_files import NOTHING, write_archive


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "final.pt"


def refusal(path: Path) -> CheckpointProblem:
    with pytest.raises(CheckpointProblem) as problem:
        every_member(open_archive(path))
    return problem.value


def every_member(archive: Archive) -> list[tuple[int, int]]:
    return [archive.place(name) for name in archive.members]


def test_members_lie_where_torch_put_them(file: Path) -> None:
    saved = torch.arange(100, dtype=torch.float32)
    torch.save({"a": saved}, file)
    archive = open_archive(file)
    assert begins_as_torch(file)
    offset, nbytes = archive.place("data/0")
    assert file.read_bytes()[offset : offset + nbytes] == saved.numpy().tobytes()
    assert archive.stem == "final"


def test_64_bit_directories_are_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 4)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    write_archive(file, storages={"0": bytes(range(64))})
    assert b"PK\6\6" in file.read_bytes()
    assert open_archive(file).read("data/0", 64) == bytes(range(64))


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
def test_a_file_without_its_end_may_still_be_being_written(file: Path, kept: float) -> None:
    torch.save({"a": torch.zeros(1000)}, file)
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * kept)])
    assert begins_as_torch(file)
    problem = refusal(file)
    assert problem.code == "file_truncated"
    assert "still be being written" in problem.hint


def test_what_torch_wrote_before_1_6_is_refused_with_the_remedy(file: Path) -> None:
    torch.save({"a": torch.zeros(2)}, file, _use_new_zipfile_serialization=False)
    assert begins_as_torch(file)
    problem = refusal(file)
    assert problem.code == "format_not_supported"
    assert "1.6" in problem.hint


def test_the_oldest_tar_files_are_refused_too(file: Path) -> None:
    with tarfile.open(file, "w") as archive:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    assert begins_as_torch(file)
    assert refusal(file).code == "format_not_supported"


def test_a_program_is_refused(file: Path) -> None:
    members = {"data/0": bytes(16), "data.pkl": NOTHING, "code/model.py": b"def forward(self): ...", "version": b"3"}
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"model/{name}", content, zipfile.ZIP_DEFLATED if "code" in name else zipfile.ZIP_STORED)
    assert begins_as_torch(file)
    assert "TorchScript" in refusal(file).message


@pytest.mark.parametrize(
    ("name", "content"), [("a.zip", "notes.txt"), ("b.npz", "arr_0.npy"), ("c.pt", ""), ("d.pt", "PK")]
)
def test_other_files_are_not_taken_for_torch(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    if "." in content:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(content, "x")
    else:
        path.write_text(content)
    assert not begins_as_torch(path)


def test_compressed_members_are_refused(file: Path) -> None:
    write_archive(file, storages={"0": bytes(10_000)}, compression=zipfile.ZIP_DEFLATED)
    assert "compressed" in refusal(file).message


def test_two_members_of_one_name_are_refused(file: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        write_archive(file, storages={"0": bytes(8)}, others={"data/0": bytes(8)})
    assert "same name" in refusal(file).message


def test_two_pickles_are_refused(file: Path) -> None:
    with zipfile.ZipFile(write_archive(file), "a") as archive:
        archive.writestr("other/data.pkl", NOTHING)
    assert "data.pkl" in refusal(file).message


def directory_entry(data: bytes, name: bytes) -> int:
    """Where the directory's entry of a member begins."""
    return data.rindex(name) - torch_zip.CENTRAL_FORM.size


def changed(file: Path, place: int, form: str, value: int) -> None:
    data = bytearray(file.read_bytes())
    struct.pack_into(form, data, place, value)
    file.write_bytes(data)


def test_members_that_overlap_are_refused(file: Path) -> None:
    write_archive(file, storages={"0": bytes(64), "1": bytes(64)})
    data = file.read_bytes()
    first, second = (directory_entry(data, f"archive/data/{key}".encode()) for key in "01")
    (offset,) = struct.unpack_from("<I", data, first + 42)
    changed(file, second + 42, "<I", offset)
    assert "overlaps" in refusal(file).message


@pytest.mark.parametrize("nbytes", [1_000_000, 2**31])
def test_a_member_that_claims_more_than_the_file_has_is_refused(file: Path, nbytes: int) -> None:
    write_archive(file, storages={"0": bytes(64)})
    entry = directory_entry(file.read_bytes(), b"archive/data/0")
    changed(file, entry + 20, "<I", nbytes)
    changed(file, entry + 24, "<I", nbytes)
    assert refusal(file).code == "unsafe_file"


def test_a_member_that_calls_itself_something_else_is_refused(file: Path) -> None:
    write_archive(file, storages={"0": bytes(64)})
    data = file.read_bytes()
    file.write_bytes(data.replace(b"archive/data/0", b"archive/data/9", 1))
    assert "own header" in refusal(file).message


def test_too_many_members_are_refused_before_they_are_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_zip, "MOST_MEMBERS", 5)
    write_archive(file, storages={str(key): b"" for key in range(6)})
    assert "members" in refusal(file).message


def test_a_big_endian_file_is_refused(file: Path) -> None:
    assert "endian" in refusal(write_archive(file, others={"byteorder": b"big"})).message


def test_a_pickle_that_is_too_long_is_not_read(file: Path) -> None:
    archive = open_archive(write_archive(file, bytes(1000)))
    with pytest.raises(CheckpointProblem, match="1000 bytes"):
        archive.read("data.pkl", 999)
