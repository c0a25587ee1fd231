// Sums over the columns of a matrix: the gradients of layer normalisation's gains and shifts.
#pragma once

#include "kernels/arguments.h"
#include "kernels/simd.h"
#include "runtime/tuning.h"

namespace elman::ELMAN_TARGET_NAME {

// Several vectors of a row at a time, because rows lie far apart.
template <class T>
void column_sums(const ColumnSums<T>& p) {
    constexpr std::size_t together = tuning::column_vectors;
    for (std::size_t j = 0; j < p.n; j += together * lanes<T>) {
        Vector<T> sum[together] = {}, product[together] = {};
        for (std::size_t r = 0; r < p.rows; ++r) {
            const T* const a = p.a[r] + p.a_column + j;
            const T* const b = p.products == nullptr ? nullptr : p.b[r] + p.b_column + j;
#pragma GCC unroll 8
            for (std::size_t v = 0; v < together; ++v) {
                const std::size_t at = v * lanes<T>;
                if (j + at >= p.n) break;
                const Vector<T> value = load_first<T>(a + at, p.n - j - at);
                sum[v] += value;
                if (b != nullptr) product[v] += value * load_first<T>(b + at, p.n - j - at);
            }
        }
        const auto add = [&](T* out, const Vector<T>(&values)[together]) __attribute__((always_inline)) {
            if (out == nullptr) return;
#pragma GCC unroll 8
            for (std::size_t v = 0; v < together; ++v) {
                const std::size_t at = j + v * lanes<T>;
                if (at >= p.n) break;
                store_first<T>(load_first<T>(out + at, p.n - at) + values[v], out + at, p.n - at);
            }
        };
        add(p.sums, sum);
        add(p.products, product);
    }
}

}  // namespace elman::ELMAN_TARGET_NAME
