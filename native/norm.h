// Layer normalisation of each gate's share of a product: y = gain · (x - mean) / √(variance + ε) + shift.
#pragma once

#include "kernels.h"
#include "simd.h"

namespace elman::ELMAN_TARGET_NAME {

template <class T>
constexpr T norm_epsilon = T(1e-5);

template <class T>
ELMAN_INLINE T sum_of(Vector<T> v) {
    T sum = 0;
    for (std::size_t i = 0; i < lanes<T>; ++i) sum += v[i];
    return sum;
}

template <class T>
ELMAN_INLINE T square_root(T x) {
    if constexpr (sizeof(T) == 4) {
        return __builtin_sqrtf(x);
    } else {
        return __builtin_sqrt(x);
    }
}

template <class T>
void norm_forward(const NormForward<T>& a) {
    const T size = static_cast<T>(a.hidden);
    for (std::size_t i = 0; i < a.rows; ++i) {
        for (std::size_t block = 0; block < a.blocks; ++block) {
            T* x = a.values[i] + a.value_column + block * a.hidden;
            Vector<T> sum{};
            for (std::size_t j = 0; j < a.hidden; j += lanes<T>) sum += load_first<T>(x + j, a.hidden - j);
            const T mean = sum_of<T>(sum) / size;
            Vector<T> squares{};
            for (std::size_t j = 0; j < a.hidden; j += lanes<T>) {
                // the mean is taken from the real lanes alone: the padding stays 0
                Vector<T> centred = load_first<T>(x + j, a.hidden - j) - mean;
                if (a.hidden - j < lanes<T>) centred = first_of<T>(centred, a.hidden - j);
                squares += centred * centred;
                store_first<T>(centred, x + j, a.hidden - j);
            }
            const T inverse = T(1) / square_root<T>(sum_of<T>(squares) / size + norm_epsilon<T>);
            a.inverse[i][a.inverse_column + block] = inverse;
            T* gates = a.gates[i] + a.column + block * a.hidden;
            const T* gain = a.gain + block * a.hidden;
            const T* shift = a.shift + block * a.hidden;
            for (std::size_t j = 0; j < a.hidden; j += lanes<T>) {
                const std::size_t count = a.hidden - j;
                const Vector<T> hat = load_first<T>(x + j, count) * inverse;
                store_first<T>(hat, x + j, count);
                const Vector<T> y = hat * load_first<T>(gain + j, count) + load_first<T>(shift + j, count);
                store_first<T>(a.add ? load_first<T>(gates + j, count) + y : y, gates + j, count);
            }
        }
    }
}

// d x = (d̂ - mean(d̂) - x̂ · mean(d̂ · x̂)) / deviation, where d̂ = gain · d y.
template <class T>
void norm_backward(const NormBackward<T>& a) {
    const T size = static_cast<T>(a.hidden);
    for (std::size_t i = 0; i < a.rows; ++i) {
        for (std::size_t block = 0; block < a.blocks; ++block) {
            const T* hat = a.values[i] + a.value_column + block * a.hidden;
            const T* d_gates = a.d_gates[i] + a.column + block * a.hidden;
            const T* gain = a.gain + block * a.hidden;
            T* d = a.d_values[i] + a.value_column + block * a.hidden;
            Vector<T> sum{}, product{};
            for (std::size_t j = 0; j < a.hidden; j += lanes<T>) {
                const std::size_t count = a.hidden - j;
                const Vector<T> scaled = load_first<T>(d_gates + j, count) * load_first<T>(gain + j, count);
                sum += scaled;
                product += scaled * load_first<T>(hat + j, count);
            }
            const T mean = sum_of<T>(sum) / size, slope = sum_of<T>(product) / size;
            const T inverse = a.inverse[i][a.inverse_column + block];
            for (std::size_t j = 0; j < a.hidden; j += lanes<T>) {
                const std::size_t count = a.hidden - j;
                const Vector<T> scaled = load_first<T>(d_gates + j, count) * load_first<T>(gain + j, count);
                store_first<T>(((scaled - mean) - load_first<T>(hat + j, count) * slope) * inverse, d + j, count);
            }
        }
    }
}

}  // namespace elman::ELMAN_TARGET_NAME
