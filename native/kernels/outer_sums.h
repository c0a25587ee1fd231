// Sums of outer products over rows: the gradients of weights.
#pragma once

#include "kernels/arguments.h"
#include "kernels/tile.h"

namespace elman::ELMAN_TARGET_NAME {

// Sums of the columns of (rows, n), n being at most a few vectors, each added to what its pointer points to.
template <class T>
ELMAN_INLINE void add_sums(const T* a, std::size_t stride, std::size_t rows, std::size_t n, T* const* to) {
    constexpr std::size_t vectors = tuning::bias_vectors;
    for (std::size_t j = 0; j < n; j += vectors * lanes<T>) {
        Vector<T> sum[vectors] = {};
        const T* from = a + j;
        for (std::size_t r = 0; r < rows; ++r, from += stride) {
            for (std::size_t v = 0; v < vectors && j + v * lanes<T> < n; ++v) {
                sum[v] += load_first<T>(from + v * lanes<T>, n - j - v * lanes<T>);
            }
        }
        for (std::size_t q = j; q < n && q < j + vectors * lanes<T>; ++q) {
            if (to[q] != nullptr) *to[q] += sum[(q - j) / lanes<T>][(q - j) % lanes<T>];
        }
    }
}

// outer_sums() where b has only N columns, few for a vector: columns of a take the lanes, read in place, once for their
// own sums and for the products.
template <class T, int N>
__attribute__((noinline)) void outer_sums_of_few(const OuterSums<T>& p) {
    constexpr std::size_t width = panel_width<T>, step = lanes<T>;
    constexpr int vectors = tuning::outer_few_vectors / (N + 1);
    std::size_t r0 = 0;
    do {
        const std::size_t end = smaller(p.rows, r0 + tuning::outer_depth);
        for (std::size_t i = 0; i < p.m; i += vectors * step) {
            Vector<T> sum[N + 1][vectors] = {};
            for (std::size_t r = r0; r < end; ++r) {
                const T* const from = p.a + r * p.a_stride + i;
#pragma GCC unroll 16
                for (int v = 0; v < vectors; ++v) {
                    if (i + v * step >= p.m) break;
                    const Vector<T> value = load_first<T>(from + v * step, p.m - i - v * step);
#pragma GCC unroll 16
                    for (int k = 0; k < N; ++k) sum[k][v] += value * p.b[r * width + k];
                    sum[N][v] += value;
                }
            }
            for (std::size_t q = i; q < p.m && q < i + vectors * step; ++q) {
                const std::size_t v = (q - i) / step, lane = (q - i) % step;
                for (int k = 0; k < N; ++k) p.c[q][k] = (p.add || r0 > 0 ? p.c[q][k] : 0) + sum[k][v][lane];
                if (p.sums != nullptr && p.sums[q] != nullptr) *p.sums[q] += sum[N][v][lane];
            }
        }
        r0 = end;
    } while (r0 < p.rows);
}

// If rows lie far apart, a band of columns is packed first, so that cache lines are read whole, and once.
template <class T>
void outer_sums(const OuterSums<T>& p) {
    if (p.c != nullptr && p.n == 1) return outer_sums_of_few<T, 1>(p);
    if (p.c != nullptr && p.n == 2) return outer_sums_of_few<T, 2>(p);
    constexpr std::size_t width = panel_width<T>, band = tuning::outer_band, far = tuning::outer_far / sizeof(T);
    const std::size_t panels = (p.n + width - 1) / width;
    const bool packing = p.a_stride > far;
    alignas(64) T packed[band * tuning::outer_depth];
    std::size_t r0 = 0;
    do {  // once even without rows: the sum is 0
        const std::size_t count = smaller(tuning::outer_depth, p.rows - r0);
        for (std::size_t i = 0; i < p.m; i += band) {
            const std::size_t height = smaller(band, p.m - i);
            const T* a = p.a + r0 * p.a_stride + i;
            std::size_t stride = p.a_stride;
            if (packing) {
                for (std::size_t r = 0; r < count; ++r) {
                    const T* from = a + r * p.a_stride;
                    if (r + tuning::outer_ahead < count) {
                        for (std::size_t q = 0; q < height; q += tuning::cache_line / sizeof(T))
                            __builtin_prefetch(from + tuning::outer_ahead * p.a_stride + q);
                    }
                    for (std::size_t q = 0; q < height; q += lanes<T>) {
                        store_first<T>(load_first<T>(from + q, height - q), packed + r * band + q, height - q);
                    }
                }
                a = packed;
                stride = band;
            }
            if (p.sums != nullptr) add_sums<T>(a, stride, count, height, p.sums + i);
            if (p.c == nullptr) continue;
            for (std::size_t panel = 0; panel < panels; ++panel) {
                const Extent<T> extent(p.n - panel * width);
                const T* b = p.b + (panel * p.rows + r0) * width;
                const std::size_t tiles = (height + tuning::tile_rows - 1) / tuning::tile_rows;
                for (std::size_t t = 0; t < tiles; ++t) {
                    const std::size_t q = t * tuning::tile_rows;
                    const T* const column = a + q;
                    const Factors<T> factors{count, &column, stride, b};
                    tile_for<T, true>(smaller(tuning::tile_rows, height - q), extent.vectors)(
                        &factors, &factors + 1, width, p.c + i + q, panel * width, extent.last_lanes, nullptr,
                        p.add || r0 > 0 ? Begin::zeros : Begin::columns);
                }
            }
        }
        r0 += count;
    } while (r0 < p.rows);
}

}  // namespace elman::ELMAN_TARGET_NAME
