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
            T* x = a.values[i] + a.value_column + block * a.padded;
            Vector<T> sum{};
            for (std::size_t j = 0; j < a.hidden; j += lanes<T>) sum += load_first<T>(x + j, a.hidden - j);
            const T mean = sum_of<T>(sum) / size;
            Vector<T> squares{};
            for (std::size_t j = 0; j < a.hidden; j += lanes<T>) {
                // the mean is taken from the real lanes alone: the padding stays 0
                Vector<T> centred = load_first<T>(x + j, a.hidden - j) - mean;
                if (a.hidden - j < lanes<T>) centred = first_of<T>(centred, a.hidden - j);
                squares += centred * centred;
                store<T>(centred, x + j);
            }
            const T inverse = T(1) / square_root<T>(sum_of<T>(squares) / size + norm_epsilon<T>);
            a.inverse[i][a.inverse_column + block] = inverse;
            T* gates = a.gates[i] + a.column + block * a.padded;
            const T* gain = a.gain + block * a.padded;
            const T* shift = a.shift + block * a.padded;
            for (std::size_t j = 0; j < a.hidden; j += lanes<T>) {
                const Vector<T> hat = load<T>(x + j) * inverse;
                store<T>(hat, x + j);
                const Vector<T> y = hat * load<T>(gain + j) + load<T>(shift + j);
                store<T>(a.add ? load<T>(gates + j) + y : y, gates + j);
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
            const T* hat = a.values[i] + a.value_column + block * a.padded;
            const T* d_gates = a.d_gates[i] + a.column + block * a.padded;
            const T* gain = a.gain + block * a.padded;
            T* d = a.d_values[i] + a.value_column + block * a.padded;
            Vector<T> sum{}, product{};
            for (std::size_t j = 0; j < a.hidden; j += lanes<T>) {
                const Vector<T> scaled = load<T>(d_gates + j) * load<T>(gain + j);
                sum += scaled;
                product += scaled * load<T>(hat + j);
            }
            const T mean = sum_of<T>(sum) / size, slope = sum_of<T>(product) / size;
            const T inverse = a.inverse[i][a.inverse_column + block];
            for (std::size_t j = 0; j < a.hidden; j += lanes<T>) {
                const Vector<T> scaled = load<T>(d_gates + j) * load<T>(gain + j);
                Vector<T> result = ((scaled - mean) - load<T>(hat + j) * slope) * inverse;
                if (a.hidden - j < lanes<T>) result = first_of<T>(result, a.hidden - j);
                store<T>(result, d + j);
            }
        }
    }
}

}  // namespace elman::ELMAN_TARGET_NAME
