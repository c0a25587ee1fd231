// Across the lanes of a vector: sums, transposes, shifts.
#pragma once

#include "kernels/simd.h"

namespace elman::ELMAN_TARGET_NAME {

// By halves, which is a shorter dependency chain than lane by lane.
template <class T, int bytes, class V>
ELMAN_INLINE T sum_of_bytes(V v) {
    if constexpr (bytes == sizeof(T)) {
        return v[0];
    } else {
        typedef T Half __attribute__((vector_size(bytes / 2)));
        Half low, high;
        __builtin_memcpy(&low, &v, sizeof low);
        __builtin_memcpy(&high, reinterpret_cast<const char*>(&v) + sizeof low, sizeof high);
        return sum_of_bytes<T, bytes / 2>(low + high);
    }
}
template <class T>
ELMAN_INLINE T sum_of(Vector<T> v) {
    return sum_of_bytes<T, vector_bytes>(v);
}

// The transpose of a square of vectors: halves are exchanged, then quarters, and so on.
template <int... lane>
struct Lane {};
template <int count, int... lane>
struct LanesUpTo : LanesUpTo<count - 1, count - 1, lane...> {};
template <int... lane>
struct LanesUpTo<0, lane...> {
    typedef Lane<lane...> Type;
};
template <class T, int half, int... lane>
ELMAN_INLINE void exchange(Vector<T>& a, Vector<T>& b, Lane<lane...>) {
    constexpr int width = static_cast<int>(lanes<T>);
    const Vector<T> low = __builtin_shufflevector(a, b, (lane & half ? width + lane - half : lane)...);
    b = __builtin_shufflevector(a, b, (lane & half ? width + lane : lane + half)...);
    a = low;
}
template <class T, int half = static_cast<int>(lanes<T>) / 2>
ELMAN_INLINE void transpose(Vector<T> (&v)[lanes<T>]) {
    constexpr int width = static_cast<int>(lanes<T>);
    if constexpr (half > 0) {
#pragma GCC unroll 16
        for (int i = 0; i < width; ++i) {
            if ((i & half) == 0) exchange<T, half>(v[i], v[i + half], typename LanesUpTo<width>::Type{});
        }
        transpose<T, half / 2>(v);
    }
}

// Lane k of v[0] becomes sum_of(v[k]), in the same order of additions, for the k whose bits are set in `present`: where
// k's is, so is that of each number below k that differs from it in one bit.
template <class T, int half = static_cast<int>(lanes<T>) / 2>
ELMAN_INLINE void sums_of(Vector<T> (&v)[lanes<T>], unsigned present) {
    if constexpr (half > 0) {
#pragma GCC unroll 16
        for (int i = 0; i < half; ++i) {
            if ((present >> i & 1) == 0) continue;
            if ((present >> (i + half) & 1) == 0) v[i + half] = v[i];
            exchange<T, half>(v[i], v[i + half], typename LanesUpTo<static_cast<int>(lanes<T>)>::Type{});
            v[i] += v[i + half];
        }
        sums_of<T, half / 2>(v, present | present >> half);
    }
}

// Lane k of the result is lane k + by of v; the last lanes are undefined.
template <class T, int by, int... lane>
ELMAN_INLINE Vector<T> from_lane(Vector<T> v, Lane<lane...>) {
    return __builtin_shufflevector(v, v, (lane + by)...);
}
template <class T, int by>
ELMAN_INLINE Vector<T> from_lane(Vector<T> v) {
    return from_lane<T, by>(v, typename LanesUpTo<static_cast<int>(lanes<T>)>::Type{});
}

}  // namespace elman::ELMAN_TARGET_NAME
