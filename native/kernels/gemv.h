// The matmul of a single row, which is as fast as the caches deliver the matrix.
#pragma once

#include "kernels/arguments.h"
#include "kernels/tile.h"

namespace elman::ELMAN_TARGET_NAME {

// V vectors of one row: of one panel, whose rows lie `stride` apart, or (Apart) of several panels of a tile's width,
// which lie `stride` apart. Fewer sums at a time would wait for each other. Prefetching is left to the hardware.
template <class T, int V, bool Apart>
__attribute__((noinline)) void gemv_tile(std::size_t k, const T* a, const T* b, std::size_t stride, T* c,
                                         std::size_t columns, const T* start, Begin begin) {
    constexpr int step = static_cast<int>(lanes<T>);
    Vector<T> sum[V] = {};
    const T* const from = begin == Begin::result ? c : begin == Begin::columns ? start : nullptr;
    if (from != nullptr) {
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) sum[v] = load_first<T>(from + v * step, columns - v * lanes<T>);
    }
    for (std::size_t at = 0; at < k; ++at) {
        const T value = a[at];
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) {
            sum[v] += load<T>(b + (Apart ? (v / tuning::tile_vectors) * stride + (v % tuning::tile_vectors) * step
                                         : v * step)) *
                      value;
        }
        b += Apart ? tuning::tile_vectors * step : stride;
    }
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) {
        T* const to = c + v * step;
        const std::size_t count = columns - v * lanes<T>;
        if (begin == Begin::zeros) sum[v] += load_first<T>(to, count);
        store_first<T>(sum[v], to, count);
    }
}

template <class T>
using GemvTile = void (*)(std::size_t, const T*, const T*, std::size_t, T*, std::size_t, const T*, Begin);

template <class T>
void gemv(const Matmul<T>& p) {
    constexpr GemvTile<T> side_by_side[] = {gemv_tile<T, 1, true>, gemv_tile<T, 2, true>, gemv_tile<T, 3, true>,
                                            gemv_tile<T, 4, true>, gemv_tile<T, 5, true>, gemv_tile<T, 6, true>,
                                            gemv_tile<T, 7, true>, gemv_tile<T, 8, true>, gemv_tile<T, 9, true>};
    constexpr GemvTile<T> of_one[] = {gemv_tile<T, 1, false>, gemv_tile<T, 2, false>, gemv_tile<T, 3, false>,
                                      gemv_tile<T, 4, false>};
    static_assert(sizeof side_by_side / sizeof side_by_side[0] == (2 * tuning::gemv_panels - 1) * tuning::tile_vectors);
    static_assert(sizeof of_one / sizeof of_one[0] >= tuning::gemv_vectors);
    const bool apart = p.width == panel_width<T>;
    const std::size_t panel_size = p.k * p.width, count = p.last - p.first;
    const std::size_t height = apart ? tuning::gemv_panels : 1, groups = count < height ? 1 : count / height;
    const GemvTile<T>* const tiles = apart ? side_by_side : of_one;
    for (std::size_t index = 0; index < groups; ++index) {
        const std::size_t group = p.descending ? groups - 1 - index : index;
        const std::size_t panel = p.first + group * height, column = panel * p.width;
        const std::size_t panels = group + 1 < groups ? height : p.last - panel;  // the last group has what is left
        const std::size_t columns = smaller(panels * p.width, p.n - column);
        const T* start = p.start == nullptr ? nullptr : p.start + column;
        std::size_t k0 = 0;
        do {
            const std::size_t k = smaller(tuning::sum_depth, p.k - k0);
            tiles[(columns + lanes<T> - 1) / lanes<T> - 1](
                k, p.a[0] + p.a_column + k0, p.b + panel * panel_size + k0 * p.width, apart ? panel_size : p.width,
                p.c[0] + p.column + column, columns, start,
                k0 > 0  ? Begin::zeros
                : p.add ? Begin::result
                        : Begin::columns);
            k0 += k;
        } while (k0 < p.k);
    }
}

}  // namespace elman::ELMAN_TARGET_NAME
