// Matrix products: packing, and one small kernel that holds a tile of the result in registers.
//
// Each element of a result is a sum over k in order, which goes on from what the element begins with; only the blocks of
// `depth` after the first are summed from zero and then added. The order does not depend on how many rows there are, nor
// on which tile or thread an element falls to: a row's result is the same in any batch, bit for bit.
#pragma once

#include "kernels.h"
#include "simd.h"

namespace elman::ELMAN_TARGET_NAME {

// A tile of tile_rows × tile_vectors accumulators, tile_vectors of the packed matrix and one of the other fill the
// registers: 32 with AVX-512, 16 otherwise.
#if defined(__AVX512F__)
constexpr int tile_rows = 8, tile_vectors = 3;
constexpr int outer_vectors = 24;  // sums at a time where an outer product has few columns
constexpr int row_vectors = 4;     // of a panel that single rows are multiplied with
#else
constexpr int tile_rows = 4, tile_vectors = 3;
constexpr int outer_vectors = 12;
constexpr int row_vectors = tile_vectors;
#endif
constexpr std::size_t depth = 512;  // of a block of the sum
constexpr std::size_t outer_depth = 512;
constexpr std::size_t slab = 128;  // rows taken before the next panel, so that they stay in the second cache
constexpr int narrow = 2;          // panels at a time for a single row, or one more

template <class T>
constexpr std::size_t panel_width = tile_vectors * lanes<T>;

ELMAN_INLINE std::size_t smaller(std::size_t a, std::size_t b) { return a < b ? a : b; }

// packed[panel][k][j] = rows[k][j] · scale[k][j]
template <class T>
void pack_rows(const Packing<T>& p) {
    constexpr std::size_t ahead = 16;
    const std::size_t width = p.width, vectors = width / lanes<T>;
    for (std::size_t panel = p.first; panel < p.last; ++panel) {
        const std::size_t column = panel * width;
        T* to = p.packed + panel * p.k * width;
        for (std::size_t k = 0; k < p.k; ++k, to += width) {
            for (std::size_t v = 0; v < vectors && k + ahead < p.k && p.rows[k + ahead] != nullptr; ++v) {
                __builtin_prefetch(p.rows[k + ahead] + column + v * lanes<T>);
            }
            for (std::size_t v = 0; v < vectors; ++v) {
                const std::size_t j = column + v * lanes<T>;
                Vector<T> value{};
                if (p.rows[k] != nullptr && j < p.n) {
                    value = load_first<T>(p.rows[k] + j, p.n - j);
                    if (p.scale != nullptr) value *= load_first<T>(p.scale[k] + j, p.n - j);
                }
                store<T>(value, to + v * lanes<T>);
            }
        }
    }
}

// Fewer values of a row than this are moved one by one.
constexpr std::size_t few = 4;

// packed[panel][k][j] = rows[j][k]; vectors that hold no column are left as they are, as nobody reads them.
template <class T>
void pack_columns(const Packing<T>& p) {
    constexpr std::size_t step = lanes<T>, ahead = 256 / sizeof(T);
    const std::size_t width = p.width;
    for (std::size_t panel = p.first; panel < p.last; ++panel) {
        for (std::size_t j = 0; j < width && panel * width + j < p.n; j += step) {
            const std::size_t first = panel * width + j;
            const auto row = [&](std::size_t i) __attribute__((always_inline)) {
                return first + i < p.n ? p.rows[first + i] : nullptr;
            };
            for (std::size_t k = 0; k < p.k; k += step) {
                const std::size_t count = smaller(step, p.k - k);
                T* const to = p.packed + (panel * p.k + k) * width + j;
                if (count < few) {
                    for (std::size_t i = 0; i < step; ++i) {
                        for (std::size_t q = 0; q < count; ++q)
                            to[q * width + i] = row(i) == nullptr ? 0 : row(i)[k + q];
                    }
                    continue;
                }
                Vector<T> v[step];
#pragma GCC unroll 16
                for (std::size_t i = 0; i < step; ++i) {
                    const T* const from = row(i);
                    if (from == nullptr) {
                        v[i] = Vector<T>{};
                        continue;
                    }
                    v[i] = load_first<T>(from + k, count);
                    __builtin_prefetch(from + k + ahead);  // more rows at a time than the processor follows
                }
                transpose<T>(v);
#pragma GCC unroll 16
                for (std::size_t i = 0; i < step; ++i) {
                    if (i < count) store<T>(v[i], to + i * width);
                }
            }
        }
    }
}

template <class T>
void unpack_columns(const Unpacking<T>& p) {
    constexpr std::size_t width = panel_width<T>, step = lanes<T>;
    for (std::size_t k = 0; k < p.count; k += step) {
        const std::size_t count = smaller(step, p.count - k);
        for (std::size_t j = 0; j < p.n; j += step) {
            const T* const from = p.packed + k * width + j;
            const std::size_t rows = smaller(step, p.n - j);
            if (count < few) {
                for (std::size_t i = 0; i < rows; ++i) {
                    for (std::size_t q = 0; q < count; ++q) p.rows[j + i][k + q] = from[q * width + i];
                }
                continue;
            }
            Vector<T> v[step];
#pragma GCC unroll 16
            for (std::size_t i = 0; i < step; ++i) v[i] = i < count ? load<T>(from + i * width) : Vector<T>{};
            transpose<T>(v);
#pragma GCC unroll 16
            for (std::size_t i = 0; i < step; ++i) {
                if (i < rows) store_first<T>(v[i], p.rows[j + i] + k, count);
            }
        }
    }
}

// What a tile's sums begin with: `start` by columns (zeros if null), start[row], or what c holds; or with zeros, and c is
// added at the end: short sums, added to a long one, lose less.
enum class Begin { columns, rows, result, zeros };

// The left factor of M rows, and the right one: element (i, k) of the left one is a[i][offset + k], or with Columns
// a[0][k · offset + i].
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
                __builtin_prefetch(b + v * static_cast<int>(lanes<T>) + 16 * width);
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

// One row, and V vectors: of one panel, whose rows lie `stride` apart, or of panels of a tile's width side by side, which
// themselves do. With fewer sums at a time, each would wait for the one before. The processor fetches ahead by itself.
template <class T, int V, bool Apart>
__attribute__((noinline)) void row_tile(std::size_t k, const T* a, const T* b, std::size_t stride, T* c,
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
            sum[v] += load<T>(b + (Apart ? (v / tile_vectors) * stride + (v % tile_vectors) * step : v * step)) * value;
        }
        b += Apart ? tile_vectors * step : stride;
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
using Tile = void (*)(const Factors<T>*, const Factors<T>*, std::size_t, T* const*, std::size_t, std::size_t, const T*,
                      Begin);

template <class T, bool Columns>
ELMAN_INLINE Tile<T> tile_for(std::size_t m, std::size_t vectors) {
#define ELMAN_TILES(m)                                                         \
    {                                                                          \
        tile<T, m, 1, Columns>, tile<T, m, 2, Columns>, tile<T, m, 3, Columns> \
    }
    static constexpr Tile<T> tiles[tile_rows][tile_vectors] = {
        ELMAN_TILES(1), ELMAN_TILES(2), ELMAN_TILES(3), ELMAN_TILES(4),
#if defined(__AVX512F__)
        ELMAN_TILES(5), ELMAN_TILES(6), ELMAN_TILES(7), ELMAN_TILES(8),
#endif
    };
#undef ELMAN_TILES
    return tiles[m - 1][vectors - 1];
}

// The vectors of a panel that hold columns, and how many lanes the last of them has.
template <class T>
struct Extent {
    std::size_t vectors, last_lanes;
    explicit __attribute__((always_inline)) Extent(std::size_t columns) {
        columns = smaller(columns, panel_width<T>);
        vectors = (columns + lanes<T> - 1) / lanes<T>;
        last_lanes = columns - (vectors - 1) * lanes<T>;
    }
};

template <class T>
using RowTile = void (*)(std::size_t, const T*, const T*, std::size_t, T*, std::size_t, const T*, Begin);

template <class T>
void product_of_row(const Product<T>& p) {
    constexpr RowTile<T> side_by_side[] = {row_tile<T, 1, true>, row_tile<T, 2, true>, row_tile<T, 3, true>,
                                           row_tile<T, 4, true>, row_tile<T, 5, true>, row_tile<T, 6, true>,
                                           row_tile<T, 7, true>, row_tile<T, 8, true>, row_tile<T, 9, true>};
    constexpr RowTile<T> of_one[] = {row_tile<T, 1, false>, row_tile<T, 2, false>, row_tile<T, 3, false>,
                                     row_tile<T, 4, false>};
    static_assert(sizeof side_by_side / sizeof side_by_side[0] == (2 * narrow - 1) * tile_vectors);
    static_assert(sizeof of_one / sizeof of_one[0] >= row_vectors);
    const bool apart = p.width == panel_width<T>;
    const std::size_t panel_size = p.k * p.width, count = p.last - p.first;
    const std::size_t height = apart ? narrow : 1, groups = count < height ? 1 : count / height;
    const RowTile<T>* const tiles = apart ? side_by_side : of_one;
    for (std::size_t index = 0; index < groups; ++index) {
        const std::size_t group = p.descending ? groups - 1 - index : index;
        const std::size_t panel = p.first + group * height, column = panel * p.width;
        const std::size_t panels = group + 1 < groups ? height : p.last - panel;  // the last group has what is left
        const std::size_t columns = smaller(panels * p.width, p.n - column);
        const T* start = p.start == nullptr ? nullptr : p.start + column;
        std::size_t k0 = 0;
        do {
            const std::size_t k = smaller(depth, p.k - k0);
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

// The rows from `row` to `end` by columns first … of one panel, as many as a tile has at most.
template <class T>
ELMAN_INLINE void product_of_panel(const Product<T>& p, std::size_t row, std::size_t end, std::size_t panel,
                                   std::size_t first) {
    const std::size_t tiles = (end - row + tile_rows - 1) / tile_rows;  // of about equal heights
    const std::size_t column = panel * p.width + first;
    const Extent<T> extent(smaller(p.n - column, p.width - first));
    const T* start = p.start == nullptr ? nullptr : p.start + column;
    const auto add = [&](const Factors<T>* some, const Factors<T>* some_end,
                         Begin begin) __attribute__((always_inline)) {
        Factors<T> factors[2];
        for (std::size_t t = 0; t < tiles; ++t) {
            const std::size_t i = row + (end - row) * t / tiles, next = row + (end - row) * (t + 1) / tiles;
            Factors<T>* to = factors;
            for (const Factors<T>* from = some; from != some_end; ++from, ++to) {
                *to = *from;
                to->a += i;
            }
            tile_for<T, false>(next - i, extent.vectors)(factors, to, p.width, p.c + i, p.column + column,
                                                         extent.last_lanes,
                                                         begin == Begin::rows ? p.row_start + i : start, begin);
        }
    };
    Factors<T> factors[2] = {{p.k, p.a, p.a_column, p.b + panel * p.k * p.width + first},
                             {p.second_k, p.second_a, 0, p.second_b}};
    const Begin begin = p.add ? Begin::result : p.row_start != nullptr ? Begin::rows : Begin::columns;
    if (p.k <= depth) return add(factors, factors + (p.second_k > 0 ? 2 : 1), begin);
    for (std::size_t k0 = 0; k0 < p.k; k0 += depth, factors[0].offset += depth, factors[0].b += depth * p.width) {
        factors[0].k = smaller(depth, p.k - k0);
        add(factors, factors + 1, k0 > 0 ? Begin::zeros : begin);
    }
    if (p.second_k > 0) add(factors + 1, factors + 2, Begin::result);
}

template <class T>
void product(const Product<T>& p) {
    if (p.last <= p.first) return;
    if (p.m == 1 && p.row_start == nullptr && p.second_k == 0) return product_of_row<T>(p);
    for (std::size_t row = 0; row < p.m; row += slab) {
        for (std::size_t index = p.first; index < p.last; ++index) {
            const std::size_t panel = p.descending ? p.last - 1 - (index - p.first) : index;
            const std::size_t columns = smaller(p.width, p.n - panel * p.width);
            for (std::size_t first = 0; first < columns; first += panel_width<T>) {
                product_of_panel<T>(p, row, smaller(p.m, row + slab), panel, first);
            }
        }
    }
}

// Sums of the columns of (rows, n), n a few vectors' width at most, each added to what its own pointer points to.
template <class T>
ELMAN_INLINE void add_sums(const T* a, std::size_t stride, std::size_t rows, std::size_t n, T* const* to) {
    constexpr std::size_t vectors = 4;
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

// outer() where b has N columns only, few against a vector's lanes: the lanes are columns of a, which are read where they
// lie, once for their own sums and for those of their products.
template <class T, int N>
__attribute__((noinline)) void outer_of_few(const Outer<T>& p) {
    constexpr std::size_t width = panel_width<T>, step = lanes<T>;
    constexpr int vectors = outer_vectors / (N + 1);
    std::size_t r0 = 0;
    do {
        const std::size_t end = smaller(p.rows, r0 + outer_depth);
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

// Where rows lie far apart, a band of columns is packed first: cache lines are read whole, and once.
template <class T>
void outer(const Outer<T>& p) {
    if (p.c != nullptr && p.n == 1) return outer_of_few<T, 1>(p);
    if (p.c != nullptr && p.n == 2) return outer_of_few<T, 2>(p);
    constexpr std::size_t width = panel_width<T>, band = 64, far = 2048 / sizeof(T);
    const std::size_t panels = (p.n + width - 1) / width;
    const bool packing = p.a_stride > far;
    alignas(64) T packed[band * outer_depth];
    std::size_t r0 = 0;
    do {  // once where there are no rows: their sum is 0
        const std::size_t count = smaller(outer_depth, p.rows - r0);
        for (std::size_t i = 0; i < p.m; i += band) {
            const std::size_t height = smaller(band, p.m - i);
            const T* a = p.a + r0 * p.a_stride + i;
            std::size_t stride = p.a_stride;
            if (packing) {
                for (std::size_t r = 0; r < count; ++r) {
                    const T* from = a + r * p.a_stride;
                    if (r + 4 < count) {
                        for (std::size_t q = 0; q < height; q += 64 / sizeof(T))
                            __builtin_prefetch(from + 4 * p.a_stride + q);
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
                const std::size_t tiles = (height + tile_rows - 1) / tile_rows;
                for (std::size_t t = 0; t < tiles; ++t) {
                    const std::size_t q = t * tile_rows;
                    const T* const column = a + q;
                    const Factors<T> factors{count, &column, stride, b};
                    tile_for<T, true>(smaller(tile_rows, height - q), extent.vectors)(
                        &factors, &factors + 1, width, p.c + i + q, panel * width, extent.last_lanes, nullptr,
                        p.add || r0 > 0 ? Begin::zeros : Begin::columns);
                }
            }
        }
        r0 += count;
    } while (r0 < p.rows);
}

// Several vectors of a row at a time: rows lie far apart.
template <class T>
void column_sums(const ColumnSums<T>& p) {
    constexpr std::size_t together = 8;
    for (std::size_t j = 0; j < p.n; j += together * lanes<T>) {
        Vector<T> sum[together] = {}, product[together] = {};
        for (std::size_t r = 0; r < p.rows; ++r) {
            const T* const a = p.a[r] + p.a_column + j;
            const T* const b = p.products == nullptr ? nullptr : p.b[r] + p.b_column + j;
#pragma GCC unroll 8
            for (std::size_t v = 0; v < together; ++v) {
                const std::size_t at = v * lanes<T>;
                if (j + at >= p.n) break;
                const Vector<T> value = load_first<T>(a + at, p.n - j - at);
                sum[v] += value;
                if (b != nullptr) product[v] += value * load_first<T>(b + at, p.n - j - at);
            }
        }
        const auto add = [&](T* out, const Vector<T>(&values)[together]) __attribute__((always_inline)) {
            if (out == nullptr) return;
#pragma GCC unroll 8
            for (std::size_t v = 0; v < together; ++v) {
                const std::size_t at = j + v * lanes<T>;
                if (at >= p.n) break;
                store_first<T>(load_first<T>(out + at, p.n - at) + values[v], out + at, p.n - at);
            }
        };
        add(p.sums, sum);
        add(p.products, product);
    }
}

}  // namespace elman::ELMAN_TARGET_NAME
