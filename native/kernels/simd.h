// Vectors as wide as the target's registers, in the vector types of GCC and Clang.
//
// The code in kernels/ goes into the namespace of the target that it is compiled for, and may not use functions of the
// standard library.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__AVX__)
#include <immintrin.h>  // for masked loads and stores, which the vector types do not have
#endif

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
    typedef std::uint8_t Bytes __attribute__((vector_size(vector_bytes / 4)));  // one for each lane
    static constexpr int mantissa_bits = 23;
    static constexpr int exponent_bias = 127;
    static constexpr std::int32_t sign_bit = INT32_MIN;
};

template <>
struct Simd<double> {
    typedef double Vector __attribute__((vector_size(vector_bytes)));
    typedef std::int64_t Bits __attribute__((vector_size(vector_bytes)));
    typedef std::uint8_t Bytes __attribute__((vector_size(vector_bytes / 8)));
    static constexpr int mantissa_bits = 52;
    static constexpr int exponent_bias = 1023;
    static constexpr std::int64_t sign_bit = INT64_MIN;
};

template <class T>
using Vector = typename Simd<T>::Vector;
template <class T>
using Bits = typename Simd<T>::Bits;
template <class T>
using Bytes = typename Simd<T>::Bytes;
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

// All lanes x. (x + 0 would not be x where x is -0, and costs an instruction.)
template <class T>
ELMAN_INLINE Vector<T> broadcast(T x) {
    return x - Vector<T>{};
}

// a · b + c, rounded once if the target can: used where the compiler could choose which of two products to fuse.
template <class T>
ELMAN_INLINE Vector<T> fused(Vector<T> a, Vector<T> b, Vector<T> c) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4) return (Vector<T>)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
    if constexpr (sizeof(T) == 8) return (Vector<T>)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__FMA__)
    if constexpr (sizeof(T) == 4) return (Vector<T>)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
    if constexpr (sizeof(T) == 8) return (Vector<T>)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#else
    return a * b + c;
#endif
}

// The larger of the two, and the smaller; x if it is a NaN. (Compilers do not choose the instruction themselves, as it
// is not symmetric.)
template <class T>
ELMAN_INLINE Vector<T> at_least(Vector<T> x, T low) {
    const Vector<T> bound = broadcast<T>(low);
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4) return (Vector<T>)_mm512_max_ps((__m512)bound, (__m512)x);
    if constexpr (sizeof(T) == 8) return (Vector<T>)_mm512_max_pd((__m512d)bound, (__m512d)x);
#elif defined(__AVX__)
    if constexpr (sizeof(T) == 4) return (Vector<T>)_mm256_max_ps((__m256)bound, (__m256)x);
    if constexpr (sizeof(T) == 8) return (Vector<T>)_mm256_max_pd((__m256d)bound, (__m256d)x);
#else
    return x < bound ? bound : x;
#endif
}
template <class T>
ELMAN_INLINE Vector<T> at_most(Vector<T> x, T high) {
    const Vector<T> bound = broadcast<T>(high);
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4) return (Vector<T>)_mm512_min_ps((__m512)bound, (__m512)x);
    if constexpr (sizeof(T) == 8) return (Vector<T>)_mm512_min_pd((__m512d)bound, (__m512d)x);
#elif defined(__AVX__)
    if constexpr (sizeof(T) == 4) return (Vector<T>)_mm256_min_ps((__m256)bound, (__m256)x);
    if constexpr (sizeof(T) == 8) return (Vector<T>)_mm256_min_pd((__m256d)bound, (__m256d)x);
#else
    return x > bound ? bound : x;
#endif
}

// Ones in the bits of the first `count` lanes.
template <class T>
ELMAN_INLINE Bits<T> first_lanes(std::size_t count) {
    Bits<T> index;
    for (std::size_t i = 0; i < lanes<T>; ++i) index[i] = static_cast<int>(i);
    return index < Bits<T>{} + static_cast<int>(count < lanes<T> ? count : lanes<T>);
}

// v with its lanes from `count` on zeroed.
template <class T>
ELMAN_INLINE Vector<T> first_of(Vector<T> v, std::size_t count) {
    return (Vector<T>)((Bits<T>)v & first_lanes<T>(count));
}

// The first `count` lanes; the rest are zero when loading and left alone when storing. Memory behind them is not
// touched. With masks, whole vectors go through the same code as the last, partial one, so they round the same.
#if defined(__AVX512F__)
ELMAN_INLINE __mmask16 mask_of(std::size_t count) {
    return static_cast<__mmask16>(count < 16 ? (1u << count) - 1 : 0xffffu);
}
template <class T>
ELMAN_INLINE Vector<T> load_first(const T* from, std::size_t count) {
    if constexpr (sizeof(T) == 4) {
        return (Vector<T>)_mm512_maskz_loadu_ps(mask_of(count), from);
    } else {
        return (Vector<T>)_mm512_maskz_loadu_pd(static_cast<__mmask8>(mask_of(count)), from);
    }
}
template <class T>
ELMAN_INLINE void store_first(Vector<T> v, T* to, std::size_t count) {
    if constexpr (sizeof(T) == 4) {
        _mm512_mask_storeu_ps(to, mask_of(count), (__m512)v);
    } else {
        _mm512_mask_storeu_pd(to, static_cast<__mmask8>(mask_of(count)), (__m512d)v);
    }
}
#elif defined(__AVX__)
template <class T>
ELMAN_INLINE Vector<T> load_first(const T* from, std::size_t count) {
    if constexpr (sizeof(T) == 4) {
        return (Vector<T>)_mm256_maskload_ps(from, (__m256i)first_lanes<T>(count));
    } else {
        return (Vector<T>)_mm256_maskload_pd(from, (__m256i)first_lanes<T>(count));
    }
}
template <class T>
ELMAN_INLINE void store_first(Vector<T> v, T* to, std::size_t count) {
    if constexpr (sizeof(T) == 4) {
        _mm256_maskstore_ps(to, (__m256i)first_lanes<T>(count), (__m256)v);
    } else {
        _mm256_maskstore_pd(to, (__m256i)first_lanes<T>(count), (__m256d)v);
    }
}
#else
template <class T>
ELMAN_INLINE Vector<T> load_first(const T* from, std::size_t count) {
    if (count >= lanes<T>) return load<T>(from);
    T lane[lanes<T>] = {};
    for (std::size_t i = 0; i < count; ++i) lane[i] = from[i];
    return load<T>(lane);
}
template <class T>
ELMAN_INLINE void store_first(Vector<T> v, T* to, std::size_t count) {
    if (count >= lanes<T>) return store<T>(v, to);
    T lane[lanes<T>];
    store<T>(v, lane);
    for (std::size_t i = 0; i < count; ++i) to[i] = lane[i];
}
#endif

}  // namespace elman::ELMAN_TARGET_NAME
