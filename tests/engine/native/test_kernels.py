"""Each kernel computes what torch computes; rows do not know of each other."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from engine.models.attention import attend
from engine.models.layers import Embedding, Linear, RMSNorm, Row, fuse
from engine.models.rope import rotate
from engine.native.build import BuildFailed
from engine.native.kernels import BLOCK, Kernels, Places


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Kernels:
    try:
        return Kernels(tmp_path_factory.mktemp("cache"))
    except BuildFailed as reason:
        return pytest.skip(str(reason))


def quantised(x: torch.Tensor) -> torch.Tensor:
    """(rows, inputs) as int8 blocks of 32 would hold it, by torch."""
    blocks = x.view(x.shape[0], -1, BLOCK)
    largest = blocks.abs().amax(-1, keepdim=True)
    steps = torch.where(largest > 0, largest / 127, torch.ones(()))
    return (torch.round(blocks / steps) * steps).view(x.shape)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("outputs", [1, 7, 8, 30, 259])
def test_packing_and_unpacking_is_quantising(kernels: Kernels, outputs: int) -> None:
    weight = random(outputs, 96) * torch.logspace(-6, 3, outputs)[:, None]
    back = kernels.unpack_rows(kernels.pack(weight), torch.arange(outputs), 96)
    torch.testing.assert_close(back, quantised(weight), rtol=1e-5, atol=0)


def test_a_row_of_zeros_and_a_large_one_stay_what_they_are(kernels: Kernels) -> None:
    weight = torch.zeros(3, 32)
    weight[1, 5] = 1e30
    back = kernels.unpack_rows(kernels.pack(weight), torch.arange(3), 32)
    torch.testing.assert_close(back, weight, rtol=1e-6, atol=0)


@pytest.mark.parametrize("tokens", [1, 2, 3, 4, 5, 37])
@pytest.mark.parametrize(("inputs", "outputs"), [(32, 8), (64, 20), (576, 961)])
def test_a_product_equals_torchs_over_the_quantised_numbers(
    kernels: Kernels, tokens: int, inputs: int, outputs: int
) -> None:
    x, weight, bias = random(tokens, inputs), random(outputs, inputs, seed=1), random(outputs, seed=2)
    ours = kernels.linear(x, kernels.pack(weight), bias, outputs)
    expected = F.linear(quantised(x).double(), quantised(weight).double(), bias.double())
    torch.testing.assert_close(ours.double(), expected, rtol=1e-4, atol=1e-4)


def test_the_largest_magnitudes_do_not_overflow(kernels: Kernels) -> None:
    x, weight = torch.full((1, 1024), -3.0), torch.full((8, 1024), 2.0)
    ours = kernels.linear(x, kernels.pack(weight), None, 8)
    torch.testing.assert_close(ours, torch.full((1, 8), -6.0 * 1024))


def test_a_row_is_the_same_alone_and_in_company(kernels: Kernels) -> None:
    x, packed = random(9, 128), kernels.pack(random(40, 128, seed=1))
    together = kernels.linear(x, packed, None, 40)
    alone = torch.cat([kernels.linear(x[row : row + 1].clone(), packed, None, 40) for row in range(9)])
    assert torch.equal(together, alone)


@pytest.mark.parametrize("sizes", [(16, 8, 8), (16, 7, 9)], ids=["whole-groups", "odd"])
def test_joined_layers_give_what_the_parts_gave(kernels: Kernels, sizes: tuple[int, ...]) -> None:
    parts = []
    for index, outputs in enumerate(sizes):
        part = Linear(64, outputs, bias=True)
        part.weight.data, part.bias.data = random(outputs, 64, seed=index), random(outputs, seed=index + 10)
        part.quantise(kernels)
        parts.append(part)
    x = random(3, 64)
    torch.testing.assert_close(fuse(parts)(x), torch.cat([part(x) for part in parts], dim=1), rtol=1e-5, atol=1e-5)


def test_inputs_that_fill_no_whole_blocks_stay_in_float32(kernels: Kernels) -> None:
    layer, table = Linear(40, 8), Embedding(5, 40)
    layer.weight.data, table.weight.data = random(8, 40), random(5, 40)
    layer.quantise(kernels)
    table.quantise(kernels)
    assert torch.equal(layer(table(torch.tensor([3]))), F.linear(table.weight[[3]], layer.weight))


def test_a_tied_output_layer_shares_the_packed_table(kernels: Kernels) -> None:
    table, layer = Embedding(50, 64), Linear(64, 50)
    table.weight.data = random(50, 64)
    table.quantise(kernels)
    layer.share(table)
    assert layer.packed is table.packed
    row = table(torch.tensor([7]))
    assert int(layer(row).argmax()) == 7


def test_the_norm_equals_torchs(kernels: Kernels) -> None:
    norm = RMSNorm(72, 1e-5)
    norm.weight.data = random(72, seed=1)
    x = random(5, 72)
    expected = norm(x)
    norm.kernels = kernels
    torch.testing.assert_close(norm(x), expected)


def test_the_gate_equals_torchs(kernels: Kernels) -> None:
    x = random(6, 2 * 48) * 20
    gate, up = x.chunk(2, dim=-1)
    torch.testing.assert_close(kernels.swiglu(x), F.silu(gate) * up)


def test_the_rotation_equals_torchs(kernels: Kernels) -> None:
    qkv, angles = random(5, 6, 32), random(5, 1, 32, seed=1)
    part = qkv[:, :4]
    expected = rotate(part, angles.cos(), angles.sin())
    torch.testing.assert_close(kernels.rotate(part, angles.cos(), angles.sin()), expected)


@pytest.mark.parametrize("window", [None, 1, 16, 5000])
@pytest.mark.parametrize(("heads", "kv_heads"), [(4, 4), (6, 2), (5, 1)])
def test_attention_equals_torchs_for_sequences_of_any_length(
    kernels: Kernels, heads: int, kv_heads: int, window: int | None
) -> None:
    starts = [0, 1, 63, 64, 65, 200]
    slots = [random(2, 2, kv_heads, 256 if start > 100 else 128, 16, seed=start) for start in starts]
    qkv = random(len(starts), heads + 2 * kv_heads, 16)
    parts = qkv[:, :heads], qkv[:, heads : heads + kv_heads], qkv[:, heads + kv_heads :]
    expected = []
    copies = [slot.clone() for slot in slots]
    for index, (start, slot) in enumerate(zip(starts, copies, strict=True)):
        slot[1, 0, :, start], slot[1, 1, :, start] = parts[1][index], parts[2][index]
        expected.append(attend(parts[0][index : index + 1], Row(slot, index, start, 1), 1, 0.25, window=window))
    ours = Places(kernels, slots, starts).attend(parts, 1, 0.25, window)
    torch.testing.assert_close(ours, torch.cat(expected))
    assert all(torch.equal(slot, copy) for slot, copy in zip(slots, copies, strict=True))
