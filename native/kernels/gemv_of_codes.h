// The matmul of rows with a matrix of eight-bit codes, a quarter of the bytes: for single steps, which are as fast as the
// caches deliver the weights.
#pragma once

#include "kernels/arguments.h"
#include "kernels/tile.h"

namespace elman::ELMAN_TARGET_NAME {

// As many codes as a vector has lanes.
template <class T>
ELMAN_INLINE Vector<T> load_codes(const std::int8_t* from) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4) {
        return (Vector<T>)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i*)from)));
    } else {
        return (Vector<T>)_mm512_cvtepi32_pd(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)from)));
    }
#elif defined(__AVX2__)
    if constexpr (sizeof(T) == 4) {
        return (Vector<T>)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)from)));
    } else {
        return (Vector<T>)_mm256_cvtepi32_pd(_mm_cvtepi8_epi32(_mm_loadu_si32(from)));
    }
#else
    Vector<T> v;
    for (std::size_t i = 0; i < lanes<T>; ++i) v[i] = from[i];
    return v;
#endif
}

// V vectors of one row, of a panel that is `width` wide.
template <class T, int V>
__attribute__((noinline)) void codes_tile(std::size_t k, const T* a, const std::int8_t* b, std::size_t width,
                                          const T* units, T* c, std::size_t columns, const T* start, bool add) {
    constexpr int step = static_cast<int>(lanes<T>);
    Vector<T> sum[V] = {};
    for (std::size_t at = 0; at < k; ++at, b += width) {
        const T value = a[at];
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) sum[v] += load_codes<T>(b + v * step) * value;
    }
    const T* const from = add ? c : start;
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) {
        const std::size_t count = columns - v * lanes<T>;
        sum[v] *= load<T>(units + v * step);
        if (from != nullptr) sum[v] += load_first<T>(from + v * step, count);
        store_first<T>(sum[v], c + v * step, count);
    }
}

template <class T>
using CodesTile = void (*)(std::size_t, const T*, const std::int8_t*, std::size_t, const T*, T*, std::size_t, const T*, bool);

template <class T>
void gemv_of_codes(const Matmul<T>& p) {
    constexpr CodesTile<T> tiles[] = {codes_tile<T, 1>, codes_tile<T, 2>, codes_tile<T, 3>, codes_tile<T, 4>};
    static_assert(sizeof tiles / sizeof tiles[0] >= tuning::gemv_vectors);
    for (std::size_t index = p.first; index < p.last; ++index) {
        const std::size_t panel = p.descending ? p.last - 1 - (index - p.first) : index, column = panel * p.width;
        const std::size_t columns = smaller(p.width, p.n - column);
        for (std::size_t i = 0; i < p.m; ++i) {
            tiles[(columns + lanes<T> - 1) / lanes<T> - 1](
                p.k, p.a[i] + p.a_column, p.codes + panel * p.k * p.width, p.width, p.units + column,
                p.c[i] + p.column + column, columns, p.start == nullptr ? nullptr : p.start + column, p.add);
        }
    }
}

}  // namespace elman::ELMAN_TARGET_NAME
