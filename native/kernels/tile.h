// The microkernel of matmuls: a tile of the result stays in registers while its sums run over k.
#pragma once

#include "kernels/arguments.h"
#include "kernels/simd.h"
#include "runtime/tuning.h"

namespace elman::ELMAN_TARGET_NAME {

template <class T>
constexpr std::size_t panel_width = tuning::tile_vectors * lanes<T>;

ELMAN_INLINE std::size_t smaller(std::size_t a, std::size_t b) { return a < b ? a : b; }

// What a tile's sums start from: `start` by columns (zeros if null), start[row], or what c holds; or zeros, with c
// added at the end, as adding short sums to a long one loses less.
enum class Begin { columns, rows, result, zeros };

// The two factors of a tile. Element (i, k) of the left one is a[i][offset + k], or with Columns a[0][k · offset + i].
template <class T>
struct Factors {
    std::size_t k;
    const T* const* a;
    std::size_t offset;
    const T* b;
};

// One tile: M rows of V vectors of a panel `width` wide, the sum of one or two products.
template <class T, int M, int V, bool Columns>
__attribute__((noinline)) void tile(const Factors<T>* factors, const Factors<T>* last_factors, std::size_t width,
                                    T* const* c, std::size_t column, std::size_t last_lanes, const T* start,
                                    Begin begin) {
    Vector<T> sum[M][V] = {};
    const auto lanes_of = [&](int v) __attribute__((always_inline)) { return v + 1 < V ? lanes<T> : last_lanes; };
    if (begin == Begin::result) {
#pragma GCC unroll 16
        for (int i = 0; i < M; ++i) {
#pragma GCC unroll 16
            for (int v = 0; v < V; ++v) sum[i][v] = load_first<T>(c[i] + column + v * lanes<T>, lanes_of(v));
        }
    } else if (begin == Begin::rows) {
#pragma GCC unroll 16
        for (int i = 0; i < M; ++i) {
#pragma GCC unroll 16
            for (int v = 0; v < V; ++v) sum[i][v] = broadcast<T>(start[i]);
        }
    } else {
        for (int i = 0; i < M; ++i) {
            for (int v = 0; v < V; ++v) __builtin_prefetch(c[i] + column + v * static_cast<int>(lanes<T>), 1);
        }
        if (begin == Begin::columns && start != nullptr) {
#pragma GCC unroll 16
            for (int v = 0; v < V; ++v) {
                const Vector<T> value = load_first<T>(start + v * lanes<T>, lanes_of(v));
#pragma GCC unroll 16
                for (int i = 0; i < M; ++i) sum[i][v] = value;
            }
        }
    }
    for (; factors != last_factors; ++factors) {
        const T *row[M], *b = factors->b;
        const std::size_t k = factors->k, offset = factors->offset;
        for (int i = 0; i < M; ++i) row[i] = Columns ? factors->a[0] : factors->a[i] + offset;
        for (std::size_t at = 0; at < k; ++at) {
            Vector<T> factor[V];
#pragma GCC unroll 16
            for (int v = 0; v < V; ++v) {
                factor[v] = load<T>(b + v * static_cast<int>(lanes<T>));
                __builtin_prefetch(b + v * static_cast<int>(lanes<T>) + tuning::tile_ahead * width);
            }
#pragma GCC unroll 16
            for (int i = 0; i < M; ++i) {
                const T value = Columns ? row[0][i] : row[i][at];
#pragma GCC unroll 16
                for (int v = 0; v < V; ++v) sum[i][v] += factor[v] * value;
            }
            b += width;
            if (Columns) row[0] += offset;
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < M; ++i) {
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) {
            T* to = c[i] + column + v * lanes<T>;
            if (begin == Begin::zeros) sum[i][v] += load_first<T>(to, lanes_of(v));
            store_first<T>(sum[i][v], to, lanes_of(v));
        }
    }
}

template <class T>
using Tile = void (*)(const Factors<T>*, const Factors<T>*, std::size_t, T* const*, std::size_t, std::size_t, const T*,
                      Begin);

template <class T, bool Columns>
ELMAN_INLINE Tile<T> tile_for(std::size_t m, std::size_t vectors) {
#define ELMAN_TILES(m)                                                         \
    {                                                                          \
        tile<T, m, 1, Columns>, tile<T, m, 2, Columns>, tile<T, m, 3, Columns> \
    }
    static constexpr Tile<T> tiles[tuning::tile_rows][tuning::tile_vectors] = {
        ELMAN_TILES(1), ELMAN_TILES(2), ELMAN_TILES(3), ELMAN_TILES(4),
#if defined(__AVX512F__)
        ELMAN_TILES(5), ELMAN_TILES(6), ELMAN_TILES(7), ELMAN_TILES(8),
#endif
    };
#undef ELMAN_TILES
    return tiles[m - 1][vectors - 1];
}

// The vectors of a panel that hold columns, and the lanes used of the last one.
template <class T>
struct Extent {
    std::size_t vectors, last_lanes;
    explicit __attribute__((always_inline)) Extent(std::size_t columns) {
        columns = smaller(columns, panel_width<T>);
        vectors = (columns + lanes<T> - 1) / lanes<T>;
        last_lanes = columns - (vectors - 1) * lanes<T>;
    }
};

}  // namespace elman::ELMAN_TARGET_NAME
