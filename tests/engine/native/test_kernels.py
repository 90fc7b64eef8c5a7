"""Each kernel computes what torch computes; rows do not know of each other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F

from engine.models.attention import attend
from engine.models.layers import Embedding, Linear, RMSNorm, Row, fuse
from engine.models.rope import rotate
from engine.native.build import BuildFailed
from engine.native.kernels import BLOCK, Kernels, Matrix, Places, StepLayer, StepSizes


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
    back = kernels.unpack_rows(kernels.pack(weight), torch.arange(outputs))
    torch.testing.assert_close(back, quantised(weight), rtol=1e-5, atol=0)


def test_a_row_of_zeros_and_a_large_one_stay_what_they_are(kernels: Kernels) -> None:
    weight = torch.zeros(3, 32)
    weight[1, 5] = 1e30
    back = kernels.unpack_rows(kernels.pack(weight), torch.arange(3))
    torch.testing.assert_close(back, weight, rtol=1e-6, atol=0)


@pytest.mark.parametrize("tokens", [1, 2, 3, 4, 5, 37, 130])
@pytest.mark.parametrize(("inputs", "outputs"), [(32, 8), (64, 20), (576, 961)])
def test_a_product_equals_torchs_over_the_quantised_numbers(
    kernels: Kernels, tokens: int, inputs: int, outputs: int
) -> None:
    x, weight, bias = random(tokens, inputs), random(outputs, inputs, seed=1), random(outputs, seed=2)
    ours = kernels.linear(x, kernels.pack(weight), bias)
    expected = F.linear(quantised(x).double(), quantised(weight).double(), bias.double())
    torch.testing.assert_close(ours.double(), expected, rtol=1e-4, atol=1e-4)


def test_the_largest_magnitudes_do_not_overflow(kernels: Kernels) -> None:
    x, weight = torch.full((1, 1024), -3.0), torch.full((8, 1024), 2.0)
    ours = kernels.linear(x, kernels.pack(weight), None)
    torch.testing.assert_close(ours, torch.full((1, 8), -6.0 * 1024))


def stepped(outputs: int, inputs: int, steps: int = 16, seed: int = 0) -> torch.Tensor:
    """(outputs, inputs) with at most `steps` evenly spaced values in each block of 32, as 4-bit files have them."""
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randint(0, steps, (outputs, inputs // BLOCK, BLOCK), generator=generator)
    scales = torch.rand(outputs, inputs // BLOCK, 1, generator=generator).half().float() + 2**-6
    smallest = torch.randn(outputs, inputs // BLOCK, 1, generator=generator).half().float()
    return (smallest + scales.half().float() * numbers).view(outputs, inputs)


def holds_four_bits(kernels: Kernels) -> bool:
    return kernels.pack(torch.zeros(8, BLOCK)).bits == 4


@pytest.mark.parametrize("steps", [1, 2, 9, 16])
@pytest.mark.parametrize("outputs", [1, 8, 37])
def test_a_weight_from_a_file_with_four_bits_keeps_its_numbers(kernels: Kernels, outputs: int, steps: int) -> None:
    if not holds_four_bits(kernels):
        pytest.skip("four bits are not computed on this processor")
    weight = stepped(outputs, 96, steps)
    packed = kernels.pack(weight)
    assert packed.bits == 4
    back = kernels.unpack_rows(packed, torch.arange(outputs))
    torch.testing.assert_close(back, weight, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("change", [0.2, torch.inf])
def test_one_number_between_the_steps_asks_for_eight_bits(kernels: Kernels, change: float) -> None:
    weight = stepped(16, 64)
    weight[11, 40] += change * weight[11, 32:].diff().abs().max()
    assert kernels.pack(weight).bits == 8


@pytest.mark.parametrize("tokens", [1, 2, 3, 4, 5, 6, 7, 8, 9, 130])
@pytest.mark.parametrize(("inputs", "outputs"), [(32, 8), (64, 20), (576, 259)])
def test_a_product_with_four_bits_equals_torchs(kernels: Kernels, tokens: int, inputs: int, outputs: int) -> None:
    x, weight, bias = random(tokens, inputs), stepped(outputs, inputs), random(outputs, seed=2)
    packed = kernels.pack(weight)
    kept = kernels.unpack_rows(packed, torch.arange(outputs))
    expected = F.linear(quantised(x).double(), kept.double(), bias.double())
    torch.testing.assert_close(kernels.linear(x, packed, bias).double(), expected, rtol=1e-4, atol=1e-3)


def test_a_product_of_no_rows_has_none(kernels: Kernels) -> None:
    assert kernels.linear(torch.empty(0, 64), kernels.pack(stepped(24, 64)), None).shape == (0, 24)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_sums_with_four_bits_do_not_overflow(kernels: Kernels, sign: int) -> None:
    weight = torch.full((8, 1024), 15.0)
    weight[:, ::BLOCK] = 0.0
    ours = kernels.linear(torch.full((1, 1024), 3.0 * sign), kernels.pack(weight), None)
    torch.testing.assert_close(ours, torch.full((1, 8), sign * 45.0 * 31 * 32))


@pytest.mark.parametrize(
    "weight",
    [random(40, 128, seed=1), stepped(40, 128), stepped(16, 8224)],
    ids=["eight-bits", "four-bits", "four-bits-too-wide-to-unpack"],
)
def test_a_row_is_the_same_alone_and_in_company(kernels: Kernels, weight: torch.Tensor) -> None:
    x, packed = random(23, weight.shape[1]), kernels.pack(weight)
    together = kernels.linear(x, packed, None)
    alone = torch.cat([kernels.linear(x[row : row + 1].clone(), packed, None) for row in range(23)])
    assert torch.equal(together, alone)


@pytest.mark.parametrize("is_mixed", [False, True], ids=["alike", "one-of-four-bits"])
@pytest.mark.parametrize("sizes", [(16, 8, 8), (16, 7, 9)], ids=["whole-groups", "odd"])
def test_joined_layers_give_what_the_parts_gave(kernels: Kernels, sizes: tuple[int, ...], is_mixed: bool) -> None:
    parts = []
    for index, outputs in enumerate(sizes):
        part = Linear(64, outputs, bias=True)
        part.weight.data, part.bias.data = random(outputs, 64, seed=index), random(outputs, seed=index + 10)
        if is_mixed and index == 1:
            part.weight.data = stepped(outputs, 64) / 16
        part.quantise(kernels)
        parts.append(part)
    x = random(3, 64)
    # What had four bits gets eight beside others, and so moves by half a step of those.
    tolerance = 0.03 if is_mixed else 1e-5
    expected = torch.cat([part(x) for part in parts], dim=1)
    torch.testing.assert_close(fuse(parts)(x), expected, rtol=1e-5, atol=tolerance)


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
    x = random(6, 2 * 45) * 20
    x[0, 0], x[0, 1], x[0, 2] = 1000.0, -1000.0, -89.0
    gate, up = x.chunk(2, dim=-1)
    torch.testing.assert_close(kernels.swiglu(x), F.silu(gate) * up)


def test_the_rotation_equals_torchs(kernels: Kernels) -> None:
    qkv, angles = random(5, 6, 32), random(5, 1, 32, seed=1)
    part = qkv[:, :4]
    expected = rotate(part, angles.cos(), angles.sin())
    torch.testing.assert_close(kernels.rotate(part, angles.cos(), angles.sin()), expected)


@pytest.mark.parametrize("window", [None, 1, 16, 5000])
@pytest.mark.parametrize(("heads", "kv_heads", "width"), [(4, 4, 16), (6, 2, 20), (5, 1, 64), (2, 2, 6)])
@pytest.mark.parametrize("counts", [[1] * 6, [3, 1, 70, 1, 2, 40]], ids=["one-token-each", "chunks"])
def test_attention_equals_torchs_for_sequences_of_any_length(
    kernels: Kernels, heads: int, kv_heads: int, width: int, window: int | None, counts: list[int]
) -> None:
    starts = [0, 1, 63, 64, 65, 200]
    slots = [random(2, 2, kv_heads, 256 if start > 100 else 144, width, seed=start) for start in starts]
    qkv = random(sum(counts), heads + 2 * kv_heads, width)
    parts = qkv[:, :heads], qkv[:, heads : heads + kv_heads], qkv[:, heads + kv_heads :]
    expected, first = [], 0
    copies = [slot.clone() for slot in slots]
    for start, count, slot in zip(starts, counts, copies, strict=True):
        queries, keys, values = (part[first : first + count] for part in parts)
        slot[1, :, :, start : start + count] = torch.stack((keys, values)).transpose(1, 2)
        expected.append(attend(queries, Row(slot, first, start, count), 1, 0.25, window=window))
        first += count
    ours = places(kernels, slots, starts, counts).attend(parts, 1, 0.25, window)
    torch.testing.assert_close(ours, torch.cat(expected))
    assert all(torch.equal(slot, copy) for slot, copy in zip(slots, copies, strict=True))


def places(kernels: Kernels, slots: list[torch.Tensor], starts: list[int], counts: list[int]) -> Places:
    positions = [start + at for start, count in zip(starts, counts, strict=True) for at in range(count)]
    return Places(kernels, slots, counts, torch.tensor(positions))


@pytest.mark.parametrize("window", [0, 70])
def test_attention_is_the_same_token_by_token_and_in_chunks(kernels: Kernels, window: int) -> None:
    slots, parts = [random(1, 2, 2, 160, 64)], (random(150, 6, 64), random(150, 2, 64, seed=1), random(150, 2, 64))
    whole = places(kernels, slots, [0], [150]).attend(parts, 0, 0.125, window)
    one_by_one = [
        places(kernels, slots, [at], [1]).attend(tuple(part[at : at + 1] for part in parts), 0, 0.125, window)
        for at in range(150)
    ]
    assert torch.equal(whole, torch.cat(one_by_one))


@pytest.mark.parametrize("make", [random, stepped], ids=["eight-bits", "four-bits"])
@pytest.mark.parametrize("tokens", [1, 7, 21, 131], ids=["one", "a-tile", "a-panel-and-one", "two-pieces"])
def test_a_layer_in_one_call_gives_the_bits_of_its_parts(
    kernels: Kernels, make: Callable[..., torch.Tensor], tokens: int
) -> None:
    hidden, heads, kv_heads, width, inner = 64, 4, 2, 32, 96
    shapes = {"qkv": (256, hidden), "output": (hidden, 128), "gate_up": (2 * inner, hidden), "down": (hidden, inner)}
    packed = {name: kernels.pack(make(*shape) / 8) for name, shape in shapes.items()}
    biases = {name: random(shape[0], seed=3) for name, shape in shapes.items()}
    norm, angles, slot = random(hidden, seed=4), random(tokens, 1, width, seed=5), random(1, 2, kv_heads, 144, width)
    x, turns, where = random(tokens, hidden), (angles.cos(), angles.sin()), places(kernels, [slot], [0], [tokens])

    def product(name: str, y: torch.Tensor) -> torch.Tensor:
        return kernels.linear(y, packed[name], biases[name])

    qkv = product("qkv", kernels.rms_norm(x, norm, 1e-5)).view(tokens, heads + 2 * kv_heads, width)
    turned = kernels.rotate(qkv[:, : heads + kv_heads], *turns)
    mixed = where.attend((turned[:, :heads], turned[:, heads:], qkv[:, heads + kv_heads :]), 0, 0.25)
    between = x + product("output", mixed)
    expected = between + product("down", kernels.swiglu(product("gate_up", kernels.rms_norm(between, norm, 1e-5))))

    matrices = {name: Matrix.of(packed[name], biases[name]) for name in shapes}
    layers = (StepLayer * 1)(StepLayer(first_norm=norm.data_ptr(), second_norm=norm.data_ptr(), **matrices))
    kernels.run_layers(layers, StepSizes(tokens, hidden, heads, kv_heads, width, inner, 1, 1e-5, 0.25), x, turns, where)
    assert torch.equal(x, expected)
