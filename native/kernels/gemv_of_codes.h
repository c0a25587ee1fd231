// The matmul of rows with a matrix of eight-bit codes, a quarter of the bytes: for single steps, which are as fast as the
// caches deliver the weights.
//
// A row is rounded to sixteen bits, in units of its own, and the products are sums of integers. They are exact in blocks
// of `sum_depth`, so the results of all targets differ by the rounding of a few sums alone.
#pragma once

#include "kernels/arguments.h"
#include "kernels/tile.h"

namespace elman::ELMAN_TARGET_NAME {

// The sums of `lanes` columns: sum + b[column][0] · a[0] + b[column][1] · a[1].
ELMAN_INLINE Bits<float> add_pairs(Bits<float> sum, const std::int8_t* b, const std::int16_t* a) {
#if defined(__AVX512BW__)
    std::int32_t pair;
    __builtin_memcpy(&pair, a, sizeof pair);
    const __m512i wide = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i*)b));
    return (Bits<float>)_mm512_add_epi32((__m512i)sum, _mm512_madd_epi16(wide, _mm512_set1_epi32(pair)));
#elif defined(__AVX2__)
    std::int32_t pair;
    __builtin_memcpy(&pair, a, sizeof pair);
    const __m256i wide = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i*)b));
    return (Bits<float>)_mm256_add_epi32((__m256i)sum, _mm256_madd_epi16(wide, _mm256_set1_epi32(pair)));
#else
    for (std::size_t i = 0; i < lanes<float>; ++i) sum[i] += b[2 * i] * a[0] + b[2 * i + 1] * a[1];
    return sum;
#endif
}

// V vectors of one row, of a panel that is `width` wide: c += or = `from` +, the sums in units of `unit` times those of
// the columns.
template <int V>
__attribute__((noinline)) void codes_tile(std::size_t pairs, const std::int16_t* a, const std::int8_t* b,
                                          std::size_t width, float unit, const float* units, float* c,
                                          std::size_t columns, const float* from) {
    constexpr std::size_t step = lanes<float>;
    Bits<float> even[V] = {}, odd[V] = {};  // fewer sums would wait for each other
    std::size_t pair = 0;
    for (; pair + 2 <= pairs; pair += 2, a += 4, b += 4 * width) {
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) {
            even[v] = add_pairs(even[v], b + 2 * v * step, a);
            odd[v] = add_pairs(odd[v], b + 2 * (width + v * step), a + 2);
        }
    }
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) {
        if (pair < pairs) even[v] = add_pairs(even[v], b + 2 * v * step, a);
        const std::size_t count = columns - v * step;
        Vector<float> sum = __builtin_convertvector(even[v] + odd[v], Vector<float>);
        sum *= load<float>(units + v * step) * unit;
        if (from != nullptr) sum += load_first<float>(from + v * step, count);
        store_first<float>(sum, c + v * step, count);
    }
}

// The largest absolute value of a row, NaN if a value is not finite.
ELMAN_INLINE float largest_of(const float* a, std::size_t k) {
    constexpr std::int32_t infinity = 0x7f800000;
    Bits<float> most{};  // without the sign, floats are in the order of their bits
    for (std::size_t at = 0; at < k; at += lanes<float>) {
        const Bits<float> bits = (Bits<float>)load_first<float>(a + at, k - at) & ~Simd<float>::sign_bit;
        most = bits > most ? bits : most;
    }
    std::int32_t largest = 0;
    for (std::size_t i = 0; i < lanes<float>; ++i) largest = most[i] > largest ? most[i] : largest;
    if (largest >= infinity) return __builtin_nanf("");
    float value;
    __builtin_memcpy(&value, &largest, sizeof value);
    return value;
}

// to[k] = a[k] / unit, rounded, and a zero if k is odd.
ELMAN_INLINE void round_row(const float* a, std::size_t k, float inverse, std::int16_t* to) {
    constexpr float magic = 12582912.0f;  // 1.5 · 2²³: after adding it, the last bits are the integer
    for (std::size_t at = 0; at < k; at += lanes<float>) {
        const Vector<float> shifted = load_first<float>(a + at, k - at) * inverse + magic;
        const Bits<float> whole = (Bits<float>)shifted - (Bits<float>)broadcast<float>(magic);
        const std::size_t count = smaller(lanes<float>, k - at);
        for (std::size_t i = 0; i < count; ++i) to[at + i] = static_cast<std::int16_t>(whole[i]);
    }
    if (k % 2 != 0) to[k] = 0;
}

template <class T>
void gemv_of_codes(const Matmul<T>& p) {
    if constexpr (sizeof(T) == 4) {
        constexpr void (*tiles[])(std::size_t, const std::int16_t*, const std::int8_t*, std::size_t, float, const float*,
                                  float*, std::size_t, const float*) = {codes_tile<1>, codes_tile<2>, codes_tile<3>,
                                                                        codes_tile<4>};
        static_assert(sizeof tiles / sizeof tiles[0] >= tuning::gemv_vectors && tuning::sum_depth % 2 == 0);
        constexpr float most = 32767, least = 1e-30f;  // below it the row is zeros
        std::int16_t rounded[tuning::sum_depth];
        const std::size_t panel_size = (p.k + 1) / 2 * 2 * p.width;
        for (std::size_t i = 0; i < p.m; ++i) {
            const float* const a = p.a[i] + p.a_column;
            const float largest = largest_of(a, p.k), unit = largest / most;
            const float inverse = largest > least ? most / largest : 0;
            for (std::size_t k0 = 0; k0 < p.k; k0 += tuning::sum_depth) {
                const std::size_t k = smaller(tuning::sum_depth, p.k - k0);
                round_row(a + k0, k, inverse, rounded);
                for (std::size_t index = p.first; index < p.last; ++index) {
                    const std::size_t panel = p.descending ? p.last - 1 - (index - p.first) : index;
                    const std::size_t column = panel * p.width, columns = smaller(p.width, p.n - column);
                    float* const c = p.c[i] + p.column + column;
                    const float* const start = p.start == nullptr ? nullptr : p.start + column;
                    tiles[(columns + lanes<float> - 1) / lanes<float> - 1](
                        (k + 1) / 2, rounded, p.codes + panel * panel_size + k0 * p.width, p.width, unit,
                        p.units + column, c, columns, k0 > 0 || p.add ? c : start);
                }
            }
        }
    }
}

}  // namespace elman::ELMAN_TARGET_NAME
