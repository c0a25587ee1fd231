// Vectors of the width that the target compiled for has, in the vector types of GCC and Clang.
//
// Included only by target.cpp, inside whose namespace everything lands; it may use no function of the standard library.
#pragma once

#include <cstddef>
#include <cstdint>

#define ELMAN_INLINE static inline __attribute__((always_inline))

namespace elman::ELMAN_TARGET_NAME {

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
#elif defined(__AVX__)
constexpr int vector_bytes = 32;
#else
constexpr int vector_bytes = 16;
#endif

// What the kernels need to know of an element type: its vectors and the layout of its bits.
template <class T>
struct Simd;

template <>
struct Simd<float> {
    typedef float Vector __attribute__((vector_size(vector_bytes)));
    typedef std::int32_t Bits __attribute__((vector_size(vector_bytes)));
    static constexpr int mantissa_bits = 23;
    static constexpr int exponent_bias = 127;
    static constexpr std::int32_t sign_bit = INT32_MIN;
};

template <>
struct Simd<double> {
    typedef double Vector __attribute__((vector_size(vector_bytes)));
    typedef std::int64_t Bits __attribute__((vector_size(vector_bytes)));
    static constexpr int mantissa_bits = 52;
    static constexpr int exponent_bias = 1023;
    static constexpr std::int64_t sign_bit = INT64_MIN;
};

template <class T>
using Vector = typename Simd<T>::Vector;
template <class T>
using Bits = typename Simd<T>::Bits;
template <class T>
constexpr std::size_t lanes = vector_bytes / sizeof(T);

template <class T>
ELMAN_INLINE Vector<T> load(const T* from) {
    Vector<T> v;
    __builtin_memcpy(&v, from, sizeof v);
    return v;
}

template <class T>
ELMAN_INLINE void store(Vector<T> v, T* to) {
    __builtin_memcpy(to, &v, sizeof v);
}

// The first `count` lanes; the rest are zero on loading and left alone on storing.
template <class T>
ELMAN_INLINE Vector<T> load_first(const T* from, std::size_t count) {
    T lane[lanes<T>] = {};
    for (std::size_t i = 0; i < count; ++i) lane[i] = from[i];
    return load<T>(lane);
}

template <class T>
ELMAN_INLINE void store_first(Vector<T> v, T* to, std::size_t count) {
    T lane[lanes<T>];
    store<T>(v, lane);
    for (std::size_t i = 0; i < count; ++i) to[i] = lane[i];
}

}  // namespace elman::ELMAN_TARGET_NAME
