// The table that each target fills in: one entry a kernel and element type.
//
// Plain data only. This header is seen by translation units compiled for different instruction sets, so it may hold
// nothing that generates code (see README.md).
#pragma once

#include <cstddef>

namespace elman {

// out[i] = f(x[i]) for i < n. The pointers need the alignment of T alone; out may be x, but may not overlap it
// otherwise.
template <class T>
using Elementwise = void (*)(const T* x, T* out, std::size_t n);

template <class T>
struct KernelsOf {
    Elementwise<T> exp;
    Elementwise<T> tanh;
    Elementwise<T> sigmoid;
};

struct Kernels {
    int vector_bytes;
    KernelsOf<float> f32;
    KernelsOf<double> f64;
};

}  // namespace elman
