"""What holds of the native kernels bit for bit, on every instruction set: no result depends on how it was computed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tests.nn.cases import as_hidden, as_tuple, grad, native_alone
from tests.nn.laws import assert_same, drawn, each_layer, each_type, make, rows_of, run


@pytest.fixture(autouse=True)
def native_kernels():
    with native_alone():
        yield


def test_a_difference_in_one_bit_is_seen() -> None:
    value = torch.ones(3)
    with pytest.raises(AssertionError, match="output"):
        assert_same({"output": torch.nextafter(value, 2 * value)}, {"output": value})


@each_type
@settings(max_examples=12)
@given(data=st.data())
@each_layer
def test_a_row_is_the_same_in_any_batch(kind: str, dtype: torch.dtype, data: st.DataObject, target: str) -> None:
    batch = data.draw(st.sampled_from([2, 3, 5, 8, 17, 40, 130]))
    steps = data.draw(st.integers(1, 9))
    layer = make(kind, data.draw(st.sampled_from([1, 3, 20])), data.draw(st.sampled_from([7, 17, 64])), dtype=dtype)
    arguments = drawn(layer, steps, batch)
    whole = run(layer, **arguments)
    rows = data.draw(st.lists(st.integers(0, batch - 1), min_size=1, max_size=batch))  # some of them, in any order
    assert_same(rows_of(run(layer, **rows_of(arguments, rows)), slice(None)), rows_of(whole, rows))
    (row,) = rows[:1]
    assert_same(rows_of(run(layer, **rows_of(arguments, [row])), slice(None)), rows_of(whole, [row]))


@pytest.mark.parametrize(("hidden", "steps"), [(331, 3), (203, 3), (128, 140)])
@each_layer
def test_a_row_of_many_units_is_the_same_in_any_batch(kind: str, hidden: int, steps: int, target: str) -> None:
    """The weights are packed otherwise for a single row where they are large, and several times for many steps."""
    layer = make(kind, 2, hidden)
    arguments = drawn(layer, steps, 2)
    rows = [rows_of(run(layer, **rows_of(arguments, [row])), slice(None)) for row in range(2)]
    whole = run(layer, **arguments)
    assert_same(rows[0], rows_of(whole, [0]))
    assert_same(rows[1], rows_of(whole, [1]))


@each_layer
def test_a_row_of_long_input_is_the_same_in_any_batch(kind: str, target: str) -> None:
    """Its product is summed in blocks, be the lanes units or rows."""
    layer = make(kind, 600, 17)
    arguments = drawn(layer, 2, 64)
    whole = run(layer, **arguments)
    assert_same(rows_of(run(layer, **rows_of(arguments, [5])), slice(None)), rows_of(whole, [5]))


@settings(max_examples=12)
@given(data=st.data())
@each_layer
def test_padding_is_never_seen(kind: str, data: st.DataObject, target: str) -> None:
    """A padded row is the row alone, and nothing behind a row's end is looked at, be it not a number."""
    lengths = data.draw(st.lists(st.integers(1, 8), min_size=1, max_size=20))
    steps = max(lengths) + data.draw(st.integers(0, 2))
    layer = make(kind, bidirectional=data.draw(st.booleans()))
    arguments = drawn(layer, steps, len(lengths))
    behind = torch.arange(steps)[:, None] >= torch.tensor(lengths)
    resets = torch.rand(len(lengths), steps) < 0.3
    found = run(layer, **arguments, lengths=lengths, resets=resets)
    assert not found["output"][behind].any()
    assert not found["∂input"][behind].any()
    # nor are the gradient that comes from behind and the segments that begin there
    spoilt = {name: arguments[name].clone() for name in ("x", "d_output")}
    for value in spoilt.values():
        value[behind] = data.draw(st.sampled_from([torch.nan, torch.inf, 1e30]))
    assert_same(run(layer, **arguments | spoilt, lengths=lengths, resets=resets | behind.t()), found)
    row = data.draw(st.integers(0, len(lengths) - 1))
    n = lengths[row]
    alone = rows_of(arguments, [row])
    alone |= {name: alone[name][:n] for name in ("x", "d_output")}
    expected = rows_of(run(layer, **alone, resets=resets[[row], :n]), slice(None))
    found = rows_of(found, [row])
    found |= {name: found[name][:n] for name in ("output", "∂input")}
    assert_same(found, expected)


@pytest.mark.parametrize("features", [1, 2, 3])
@each_layer
def test_steps_that_no_row_reaches(kind: str, features: int, target: str) -> None:
    """Backward begins with a chunk of steps in which nothing is summed."""
    layer = make(kind, features)
    arguments = drawn(layer, 700, 2)
    found = run(layer, **arguments, lengths=[3, 2])
    shorter = {name: value if isinstance(value, tuple) else value[:3] for name, value in arguments.items()}
    expected = run(layer, **shorter, lengths=[3, 2])
    assert not found["∂input"][3:].any()
    assert_same(found | {name: found[name][:3] for name in ("output", "∂input")}, expected)


@pytest.mark.parametrize("sort", [True, False], ids=["sorted", "unsorted"])
@each_layer
def test_packed_is_padded(kind: str, sort: bool, target: str) -> None:
    lengths = torch.tensor([7, 5, 5, 2, 1, 1] if sort else [2, 7, 1, 5, 1, 5])
    layer = make(kind, bidirectional=True)
    arguments = drawn(layer, 7, 6)
    expected = run(layer, **arguments, lengths=lengths)

    x, hx = arguments["x"].requires_grad_(), [s.requires_grad_() for s in arguments["hx"]]
    packed = pack_padded_sequence(x, lengths, enforce_sorted=sort)
    output, hx_n = layer(packed, as_hidden(hx))
    output, last = pad_packed_sequence(output)[0], as_tuple(hx_n)
    found = {"output": output.detach()} | {f"last {k}": s.detach() for k, s in enumerate(last)}
    wanted = {"input": x} | {f"state {k}": s for k, s in enumerate(hx)} | dict(layer.named_parameters())
    found |= grad((output, *last), wanted, (arguments["d_output"], *arguments["d_last"]))
    assert_same(found, expected)


@each_type
@each_layer
def test_a_row_that_is_not_a_number_stays_alone(kind: str, dtype: torch.dtype, target: str) -> None:
    for batch in (2, 9, 40):
        layer = make(kind, hidden_size=33, dtype=dtype)
        arguments = drawn(layer, 4, batch)
        expected = run(layer, **arguments)
        row, others = batch // 2, [k for k in range(batch) if k != batch // 2]
        arguments["x"][1, row, 0] = torch.nan
        found = run(layer, **arguments)
        assert_same(rows_of(found, others), rows_of(expected, others))
        assert torch.equal(found["output"][0], expected["output"][0])
        assert found["output"][1:, row].isnan().all()


@settings(max_examples=10)
@given(steps=st.integers(1, 9), batch=st.sampled_from([1, 2, 19]), data=st.data())
@each_layer
def test_the_future_is_not_seen(kind: str, steps: int, batch: int, data: st.DataObject, target: str) -> None:
    layer = make(kind)
    arguments = drawn(layer, steps, batch)
    t = data.draw(st.integers(0, steps - 1))
    changed = arguments | {"x": arguments["x"].clone()}
    changed["x"][t:] = data.draw(st.sampled_from([0.0, 100.0, torch.nan]))
    before, after = run(layer, **arguments)["output"], run(layer, **changed)["output"]
    assert torch.equal(after[:t], before[:t])
    assert not torch.equal(after[t:], before[t:])


@settings(max_examples=10)
@given(data=st.data())
@each_layer
def test_chunks_with_the_state_carried(kind: str, data: st.DataObject, target: str) -> None:
    """A sequence in pieces, joined by their states; gradients only add up in another order where pieces meet."""
    steps, batch = data.draw(st.integers(2, 9)), data.draw(st.sampled_from([1, 3, 20]))
    layer = make(kind)
    arguments = drawn(layer, steps, batch)
    whole = run(layer, **arguments)
    cut = data.draw(st.integers(1, steps - 1))
    names = [name for name in whole if name.startswith("last")]
    # the first piece is run twice: its final state's gradient comes out of the second
    first = {"x": arguments["x"][:cut], "d_output": arguments["d_output"][:cut]}
    second = {"x": arguments["x"][cut:], "d_output": arguments["d_output"][cut:]}
    start = run(layer, **arguments | first)
    end = run(layer, **arguments | second | {"hx": tuple(start[name] for name in names)})
    start = run(layer, **arguments | first | {"d_last": tuple(end[f"∂state {k}"] for k in range(len(names)))})
    assert torch.equal(torch.cat([start["output"], end["output"]]), whole["output"])
    assert_same({name: end[name] for name in names}, {name: whole[name] for name in names})
    found = {"∂input": torch.cat([start["∂input"], end["∂input"]])}
    found |= {f"∂state {k}": start[f"∂state {k}"] for k in range(len(names))}
    for name, value in found.items():
        torch.testing.assert_close(value, whole[name], rtol=1e-5, atol=3e-6)


@each_type
@each_layer
def test_step_is_the_sequence(kind: str, dtype: torch.dtype, target: str) -> None:
    """Also with the sequence run for training, and the steps for use."""
    for batch in (1, 4, 33):
        layer = make(kind, dtype=dtype)
        arguments = drawn(layer, 6, batch)
        whole = run(layer, **arguments)
        hx = as_hidden(arguments["hx"])
        outputs = []
        with torch.no_grad():
            for x_t in arguments["x"]:
                y, hx = layer.step(x_t, hx)
                outputs.append(y)
        assert torch.equal(torch.stack(outputs), whole["output"])
        for k, last in enumerate(as_tuple(hx)):
            assert torch.equal(last, whole[f"last {k}"])


@each_layer
def test_keeping_nothing_gives_the_same_numbers(kind: str, target: str) -> None:
    for steps, batch in ((1, 1), (5, 1), (4, 40)):
        layer = make(kind, hidden_size=33, bidirectional=True)
        arguments = drawn(layer, steps, batch)
        expected = run(layer, **arguments)
        with torch.inference_mode():
            output, last = layer(arguments["x"], as_hidden(arguments["hx"]))
        assert torch.equal(output, expected["output"])
        for k, state in enumerate(as_tuple(last)):
            assert torch.equal(state, expected[f"last {k}"])


@each_layer
def test_the_reverse_direction_is_the_forward_one_on_flipped_input(kind: str, target: str) -> None:
    both = make(kind, bidirectional=True, num_layers=1)
    forward = make(kind, num_layers=1)
    forward.load_state_dict({name: getattr(both, f"{name}_reverse") for name in forward._weight_names})
    arguments = drawn(both, 6, 5)
    width = both._layout.recurrent_size
    arguments["d_output"][..., :width] = 0  # nothing comes back through the other direction
    for state in arguments["d_last"]:
        state[0] = 0
    found = run(both, **arguments)
    halves = {name: tuple(s[1:] for s in arguments[name]) for name in ("hx", "d_last")}
    expected = run(forward, x=arguments["x"].flip(0), d_output=arguments["d_output"][..., width:].flip(0), **halves)
    assert torch.equal(found["output"][..., width:], expected["output"].flip(0))
    assert torch.equal(found["∂input"], expected["∂input"].flip(0))
    for k in range(len(halves["hx"])):
        assert torch.equal(found[f"last {k}"][1:], expected[f"last {k}"])
        assert torch.equal(found[f"∂state {k}"][1:], expected[f"∂state {k}"])


@settings(max_examples=10)
@given(data=st.data())
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@each_layer
def test_resets_are_separate_sequences(kind: str, reverse: bool, data: st.DataObject, target: str) -> None:
    layer = make(kind, bidirectional=reverse, num_layers=1)
    steps, batch = data.draw(st.integers(1, 9)), data.draw(st.sampled_from([1, 3, 18]))
    resets = torch.tensor(data.draw(st.lists(st.booleans(), min_size=steps, max_size=steps)))
    arguments = drawn(layer, steps, batch)
    found = run(layer, **arguments, resets=resets.expand(batch, steps))
    borders = sorted({0, steps, *resets.nonzero().flatten().tolist()})
    pieces = []
    for a, b in itertools.pairwise(borders):
        # the given state enters, and the given gradient of the final state arrives, at a direction's ends alone
        kept = {"hx": (a == 0 and not resets[0], b == steps), "d_last": (b == steps, a == 0)}
        ends = {name: tuple(state.clone() for state in arguments[name]) for name in kept}
        for name, directions in kept.items():
            for state in ends[name]:
                for direction in range(1 + reverse):
                    state[direction] *= directions[direction]
        piece = {"x": arguments["x"][a:b], "d_output": arguments["d_output"][a:b]}
        pieces.append(run(layer, **piece, **ends))
    expected = {name: torch.cat([piece[name] for piece in pieces]) for name in ("output", "∂input")}
    for k in range(len(arguments["hx"])):
        expected[f"last {k}"] = torch.cat([pieces[-1][f"last {k}"][:1], pieces[0][f"last {k}"][1:]])
    assert_same(found, expected)


@each_layer
def test_batch_first_is_transposed(kind: str, target: str) -> None:
    lengths, resets = [4, 6, 1], torch.rand(3, 6) < 0.3
    layer, first = make(kind, bidirectional=True), make(kind, bidirectional=True, batch_first=True)
    arguments = drawn(layer, 6, 3)
    expected = run(layer, **arguments, lengths=lengths, resets=resets)
    arguments |= {name: arguments[name].transpose(0, 1) for name in ("x", "d_output")}
    found = run(first, **arguments, lengths=lengths, resets=resets)
    found |= {name: found[name].transpose(0, 1) for name in ("output", "∂input")}
    assert_same(found, expected)


@each_layer
def test_the_place_in_memory(kind: str, target: str) -> None:
    """Of the input and the weights: aligned to a vector, or to a number only; with gaps between the rows."""
    layer = make(kind)
    arguments = drawn(layer, 5, 4)
    expected = run(layer, **arguments)
    with torch.no_grad():
        for parameter in layer.parameters():
            moved = torch.empty(parameter.numel() + 1)[1:].view(parameter.shape)
            parameter.set_(moved.copy_(parameter))
    wide = torch.zeros(5, 9, 7)
    wide[:, ::2, 1:4][:, :4] = arguments["x"]
    x = wide[:, ::2, 1:4][:, :4]
    assert x.data_ptr() % 16 or x.stride(1) % 4
    assert torch.equal(layer(x, as_hidden(arguments["hx"]))[0], expected["output"])
    assert_same(run(layer, **arguments), expected)


@each_layer
def test_numpy_gives_the_same_numbers(kind: str, target: str) -> None:
    from elman import kernels

    layer = make(kind, bidirectional=True)
    arguments = drawn(layer, 6, 5)
    lengths, resets = np.array([6, 2, 1, 5, 3]), torch.rand(5, 6) < 0.3
    expected = run(layer, **arguments, lengths=torch.from_numpy(lengths), resets=resets)
    output, last, _ = kernels.run_layers(
        layer._layout,
        arguments["x"].numpy(),
        tuple(s.numpy() for s in arguments["hx"]),
        {name: value.numpy() for name, value in layer.state_dict().items()},
        lengths=lengths,
        resets=resets.t().numpy(),
        threads=2,
    )
    np.testing.assert_array_equal(output, expected["output"].numpy())
    for k, state in enumerate(last):
        np.testing.assert_array_equal(state, expected[f"last {k}"].numpy())


@pytest.mark.parametrize("rows", [1, 70])
@each_type
@each_layer
def test_a_gradient_that_fades_ends_in_zeros(kind: str, dtype: torch.dtype, rows: int, target: str) -> None:
    """Without subnormal numbers, over which a step takes many times as long; around the call they are as before."""
    layer = make(kind, dtype=dtype)
    tiny = torch.finfo(dtype).tiny
    arguments = drawn(layer, 40, rows)
    arguments["d_output"] *= 1000 * tiny
    arguments["d_last"] = tuple(d * 1000 * tiny for d in arguments["d_last"])
    found = run(layer, **arguments)
    gradients = torch.cat([value.abs().flatten() for name, value in found.items() if name.startswith("∂")])
    assert gradients.any()
    assert not ((gradients > 0) & (gradients < tiny)).any()
    assert torch.tensor(tiny, dtype=dtype) / 2 > 0
