"""exp, tanh and sigmoid of every target against a wider floating-point type, in units in the last place (ULP)."""

from __future__ import annotations

import functools

import numpy as np
import pytest

# the bounds that native/kernels/activations.h states
BOUNDS = {
    ("exp", np.float32): 1.0,
    ("tanh", np.float32): 2.0,
    ("sigmoid", np.float32): 2.5,
    ("exp", np.float64): 1.0,
    ("tanh", np.float64): 2.1,
    ("sigmoid", np.float64): 2.5,
}
FUNCTIONS = ["exp", "tanh", "sigmoid"]
both_types = pytest.mark.parametrize("dtype", [np.float32, np.float64])
each_function = pytest.mark.parametrize("function", FUNCTIONS)


def exact(function, x):
    with np.errstate(over="ignore", under="ignore"):
        if function == "exp":
            return np.exp(x)
        if function == "tanh":
            return np.tanh(x)
        small = np.exp(-np.abs(x))
        return np.where(x < 0, small, 1) / (1 + small)


def error_in_ulp(values, reference):
    """The distance of values from a more precise reference, in the spacing of the values' type at the reference."""
    info = np.finfo(values.dtype)
    exponent = np.frexp(reference)[1] - (info.nmant + 1)
    spacing = np.ldexp(np.ones_like(reference), np.maximum(exponent, info.minexp - info.nmant))
    return np.abs(values.astype(reference.dtype) - reference) / spacing


@functools.cache
def samples(dtype):
    if dtype is np.float32:  # every 2003rd bit pattern: all exponents, both signs, subnormals, infinities and NaNs
        bits = np.arange(0, 2**32, 2003, dtype=np.uint64).astype(np.uint32)
        return bits.view(np.float32)
    random = np.random.default_rng(0)
    bits = random.integers(0, 2**64, 50_000, dtype=np.uint64)
    near_zero = np.ldexp(random.uniform(-2, 2, 100_000), random.integers(-60, 6, 100_000))
    return np.concatenate([bits.view(np.float64), near_zero, random.uniform(-760, 760, 50_000)])


@functools.cache
def reference(function, dtype):
    with np.errstate(invalid="ignore"):  # a signalling NaN becomes a quiet one
        return exact(function, samples(dtype).astype(np.float64 if dtype is np.float32 else np.longdouble))


def run(native, function, x, **options):
    out = np.empty_like(x)
    getattr(native, function)(x, out, **options)
    return out


@both_types
@each_function
def test_error_is_within_the_stated_bound(native, target, function, dtype):
    if dtype is np.float64 and np.finfo(np.longdouble).nmant < 63:
        pytest.skip("no floating-point type wider than float64 to compare with")
    x, expected = samples(dtype), reference(function, dtype)
    actual = run(native, function, x, target=target)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        rounded = expected.astype(dtype)
    finite = np.isfinite(rounded)
    error = error_in_ulp(actual[finite], expected[finite])
    worst = error.argmax()
    assert error[worst] <= BOUNDS[function, dtype], f"at x = {x[finite][worst].item().hex()}"
    np.testing.assert_array_equal(actual[~finite], rounded[~finite])


@both_types
@each_function
def test_special_values(native, target, function, dtype):
    info = np.finfo(dtype)
    x = np.array([-np.inf, info.min, -info.tiny, -0.0, 0.0, info.tiny, info.max, np.inf, np.nan], dtype)
    expected = {
        "exp": [0, 0, 1, 1, 1, 1, np.inf, np.inf, np.nan],
        "tanh": [-1, -1, -info.tiny, -0.0, 0.0, info.tiny, 1, 1, np.nan],
        "sigmoid": [0, 0, 0.5, 0.5, 0.5, 0.5, 1, 1, np.nan],
    }[function]
    actual = run(native, function, x, target=target)
    np.testing.assert_array_equal(actual, np.array(expected, dtype))
    np.testing.assert_array_equal(np.signbit(actual[:-1]), np.signbit(expected[:-1]))


@both_types
def test_no_result_leaves_the_range(native, target, dtype):
    x = samples(dtype)[np.isfinite(samples(dtype))]
    assert run(native, "exp", x, target=target).min() >= 0
    sigmoid = run(native, "sigmoid", x, target=target)
    assert sigmoid.min() >= 0
    assert sigmoid.max() <= 1
    tanh = run(native, "tanh", x, target=target)
    assert np.abs(tanh).max() <= 1
    np.testing.assert_array_equal(np.signbit(tanh), np.signbit(x))


@both_types
def test_subnormals_pass_through_tanh_unchanged(native, target, dtype):
    x = np.finfo(dtype).smallest_subnormal * np.arange(1, 100, dtype=dtype)
    np.testing.assert_array_equal(run(native, "tanh", x, target=target), x)


@both_types
@each_function
def test_values_do_not_depend_on_place_size_or_alignment(native, target, function, dtype):
    lanes = native.vector_bytes(target) // np.dtype(dtype).itemsize
    x = np.random.default_rng(1).normal(scale=4, size=3 * lanes + 5).astype(dtype)
    whole = run(native, function, x, target=target)
    for size in range(2 * lanes + 2):
        for offset in range(4):
            out = np.full(size + offset + 1, 7, dtype)  # a border on both sides, to see what is written outside
            getattr(native, function)(x[offset : offset + size], out[offset : offset + size], target=target)
            expected = np.full_like(out, 7)
            expected[offset : offset + size] = whole[offset : offset + size]
            np.testing.assert_array_equal(out, expected)


@each_function
def test_targets_agree_to_their_bounds(native, target, function):
    x = samples(np.float32)[::50]
    x = x[np.isfinite(x)]
    with np.errstate(over="ignore"):
        best = run(native, function, x)
        distance = np.abs(run(native, function, x, target=target).view(np.int32).astype(np.int64) - best.view(np.int32))
    assert distance.max() <= 4


@both_types
@each_function
def test_in_place_and_in_any_shape(native, function, dtype):
    x = np.random.default_rng(2).normal(size=(3, 5, 7)).astype(dtype)
    expected = run(native, function, x.ravel()).reshape(x.shape)
    getattr(native, function)(x, x)
    np.testing.assert_array_equal(x, expected)


def test_torch_tensors_are_buffers_too(native):
    torch = pytest.importorskip("torch")
    x = torch.linspace(-3, 3, 19)
    out = torch.empty_like(x)
    native.tanh(x, out)
    torch.testing.assert_close(out, torch.tanh(x), rtol=4e-7, atol=0)


def test_unusable_buffers_are_errors(native):
    x = np.zeros(8, np.float32)
    with pytest.raises(ValueError, match="x has 8 elements, out has 7"):
        native.exp(x, np.zeros(7, np.float32))
    with pytest.raises(ValueError, match="overlap"):
        native.exp(x[:-1], x[1:])
    misaligned = np.zeros(33, np.uint8)[1:].view(np.float32)
    with pytest.raises(ValueError, match="multiple of its element size"):
        native.exp(misaligned, x)
    frozen = np.zeros(8, np.float32)
    frozen.flags.writeable = False
    for unusable in [np.zeros(8, np.float64), np.zeros(16, np.float32)[::2], frozen, None]:
        with pytest.raises(TypeError):
            native.exp(x, unusable)
    native.exp(frozen, x)
    np.testing.assert_array_equal(x, np.ones(8, np.float32))
