// Layer normalisation of each gate's part of a product: y = gain · (x - mean) / √(variance + ε) + shift.
#pragma once

#include "kernels/arguments.h"
#include "kernels/lanes.h"
#include "runtime/tuning.h"

namespace elman::ELMAN_TARGET_NAME {

template <class T>
constexpr T norm_epsilon = T(1e-5);

template <class T>
ELMAN_INLINE T square_root(T x) {
    if constexpr (sizeof(T) == 4) {
        return __builtin_sqrtf(x);
    } else {
        return __builtin_sqrt(x);
    }
}

// The N blocks that are summed together, each sum being a dependency chain.
template <int N, class Args>
struct Blocks {
    std::size_t row[N], block[N];
    Blocks(const Args& a, std::size_t first) {
        for (int k = 0; k < N; ++k) row[k] = (first + k) / a.blocks, block[k] = (first + k) % a.blocks;
    }
};
#define ELMAN_EACH _Pragma("GCC unroll 8") for (int k = 0; k < N; ++k)

template <class T, int N>
ELMAN_INLINE void norm_forward(const NormForward<T>& a, std::size_t first) {
    const Blocks<N, NormForward<T>> at(a, first);
    const T size = static_cast<T>(a.hidden);
    T *x[N], *gates[N], mean[N], inverse[N];
    const T *gain[N], *shift[N];
    Vector<T> sum[N] = {}, squares[N] = {};
    ELMAN_EACH {
        x[k] = a.values[at.row[k]] + a.value_column + at.block[k] * a.hidden;
        gates[k] = a.gates[at.row[k]] + a.column + at.block[k] * a.hidden;
        gain[k] = a.gain + at.block[k] * a.hidden;
        shift[k] = a.shift + at.block[k] * a.hidden;
    }
    for (std::size_t j = 0; j < a.hidden; j += lanes<T>) {
        ELMAN_EACH sum[k] += load_first<T>(x[k] + j, a.hidden - j);
    }
    ELMAN_EACH mean[k] = sum_of<T>(sum[k]) / size;
    for (std::size_t j = 0; j < a.hidden; j += lanes<T>) {
        ELMAN_EACH {
            // unused lanes must not count
            Vector<T> centred = load_first<T>(x[k] + j, a.hidden - j) - mean[k];
            if (a.hidden - j < lanes<T>) centred = first_of<T>(centred, a.hidden - j);
            squares[k] += centred * centred;
        }
    }
    ELMAN_EACH {
        inverse[k] = T(1) / square_root<T>(sum_of<T>(squares[k]) / size + norm_epsilon<T>);
        a.inverse[at.row[k]][a.inverse_column + at.block[k]] = inverse[k];
    }
    for (std::size_t j = 0; j < a.hidden; j += lanes<T>) {
        const std::size_t count = a.hidden - j;
        ELMAN_EACH {
            const Vector<T> hat = (load_first<T>(x[k] + j, count) - mean[k]) * inverse[k];
            store_first<T>(hat, x[k] + j, count);
            const Vector<T> y = hat * load_first<T>(gain[k] + j, count) + load_first<T>(shift[k] + j, count);
            store_first<T>(a.add ? load_first<T>(gates[k] + j, count) + y : y, gates[k] + j, count);
        }
    }
}

// d x = (d̂ - mean(d̂) - x̂ · mean(d̂ · x̂)) / deviation, where d̂ = gain · d y.
template <class T, int N>
ELMAN_INLINE void norm_backward(const NormBackward<T>& a, std::size_t first) {
    const Blocks<N, NormBackward<T>> at(a, first);
    const T size = static_cast<T>(a.hidden);
    const T *hat[N], *d_gates[N], *gain[N];
    T *d[N], mean[N], slope[N], inverse[N];
    Vector<T> sum[N] = {}, product[N] = {};
    ELMAN_EACH {
        hat[k] = a.values[at.row[k]] + a.value_column + at.block[k] * a.hidden;
        d_gates[k] = a.d_gates[at.row[k]] + a.column + at.block[k] * a.hidden;
        gain[k] = a.gain + at.block[k] * a.hidden;
        d[k] = a.d_values[at.row[k]] + a.value_column + at.block[k] * a.hidden;
        inverse[k] = a.inverse[at.row[k]][a.inverse_column + at.block[k]];
    }
    for (std::size_t j = 0; j < a.hidden; j += lanes<T>) {
        const std::size_t count = a.hidden - j;
        ELMAN_EACH {
            const Vector<T> scaled = load_first<T>(d_gates[k] + j, count) * load_first<T>(gain[k] + j, count);
            sum[k] += scaled;
            product[k] += scaled * load_first<T>(hat[k] + j, count);
        }
    }
    ELMAN_EACH mean[k] = sum_of<T>(sum[k]) / size;
    ELMAN_EACH slope[k] = sum_of<T>(product[k]) / size;
    for (std::size_t j = 0; j < a.hidden; j += lanes<T>) {
        const std::size_t count = a.hidden - j;
        ELMAN_EACH {
            const Vector<T> scaled = load_first<T>(d_gates[k] + j, count) * load_first<T>(gain[k] + j, count);
            store_first<T>(((scaled - mean[k]) - load_first<T>(hat[k] + j, count) * slope[k]) * inverse[k], d[k] + j,
                           count);
        }
    }
}
#undef ELMAN_EACH

template <class T>
void norm_forward(const NormForward<T>& a) {
    std::size_t k = 0;
    for (; k + tuning::norm_blocks <= a.rows * a.blocks; k += tuning::norm_blocks) {
        norm_forward<T, tuning::norm_blocks>(a, k);
    }
    for (; k < a.rows * a.blocks; ++k) norm_forward<T, 1>(a, k);
}

template <class T>
void norm_backward(const NormBackward<T>& a) {
    std::size_t k = 0;
    for (; k + tuning::norm_blocks <= a.rows * a.blocks; k += tuning::norm_blocks) {
        norm_backward<T, tuning::norm_blocks>(a, k);
    }
    for (; k < a.rows * a.blocks; ++k) norm_backward<T, 1>(a, k);
}

}  // namespace elman::ELMAN_TARGET_NAME
