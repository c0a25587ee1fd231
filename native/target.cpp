// The one translation unit that is compiled for every instruction set, each time with another ELMAN_TARGET_NAME and
// other flags (CMakeLists.txt). It gathers the kernels into the table that dispatch.cpp chooses from.
#include "activations.h"
#include "cells.h"
#include "dots.h"
#include "kernels.h"
#include "norm.h"
#include "product.h"
#include "random.h"

namespace elman::ELMAN_TARGET_NAME {

template <class T>
constexpr KernelsOf<T> kernels_of = {
    .exp = elementwise<Exp, T>,
    .tanh = elementwise<Tanh, T>,
    .sigmoid = elementwise<Sigmoid, T>,
    .lanes = lanes<T>,
    .panel = panel_width<T>,
    .row_panel = row_vectors * lanes<T>,
    .pack_rows = pack_rows<T>,
    .pack_columns = pack_columns<T>,
    .unpack_columns = unpack_columns<T>,
    .product = product<T>,
    .outer = outer<T>,
    .dots = dots<T>,
    .norm_forward = norm_forward<T>,
    .norm_backward = norm_backward<T>,
    .column_sums = column_sums<T>,
    .zone = zone<T>,
    .collect = collect<T>,
    .cells = cells<T>,
    .cell_count = sizeof(cells<T>) / sizeof(cells<T>[0]),
};

// More independent sums than the latency of a multiply-add asks for, few enough to stay in registers.
double multiply_adds(std::size_t rounds) {
    constexpr int sums = 12;
    Vector<float> sum[sums];
    for (int i = 0; i < sums; ++i) sum[i] = broadcast<float>(static_cast<float>(i));  // or they would be one
    Vector<float> a = broadcast<float>(0.5f), b = broadcast<float>(1.0f);
    asm("" : "+m"(a), "+m"(b));  // a compiler that knew them would leave out the sum that begins with 2, and stays 2
    for (std::size_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
        for (int i = 0; i < sums; ++i) sum[i] = sum[i] * a + b;
    }
    Vector<float> total{};
    for (int i = 0; i < sums; ++i) total += sum[i];
    // never negative: the sums are asked for, so that they are done
    return sum_of<float>(total) < 0 ? 0 : static_cast<double>(rounds) * sums * lanes<float>;
}

extern const Kernels kernels;
const Kernels kernels = {.vector_bytes = vector_bytes,
                         .f32 = kernels_of<float>,
                         .f64 = kernels_of<double>,
                         .multiply_adds = multiply_adds,
                         .draw = draw};

}  // namespace elman::ELMAN_TARGET_NAME
