// The right factors of matmuls, into panels and out of them.
#pragma once

#include "kernels/arguments.h"
#include "kernels/lanes.h"
#include "kernels/tile.h"

namespace elman::ELMAN_TARGET_NAME {

// packed[panel][k][j] = rows[k][j] · scale[k][j]
template <class T>
void pack_rows(const Packing<T>& p) {
    const std::size_t width = p.width, vectors = width / lanes<T>;
    for (std::size_t panel = p.first; panel < p.last; ++panel) {
        const std::size_t column = panel * width;
        T* to = p.packed + panel * p.k * width;
        for (std::size_t k = 0; k < p.k; ++k, to += width) {
            for (std::size_t v = 0;
                 v < vectors && k + tuning::pack_rows_ahead < p.k && p.rows[k + tuning::pack_rows_ahead] != nullptr;
                 ++v) {
                __builtin_prefetch(p.rows[k + tuning::pack_rows_ahead] + column + v * lanes<T>);
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

// packed[panel][k][j] = rows[j][k]; vectors without a column are left alone, as they are never read.
template <class T>
void pack_columns(const Packing<T>& p) {
    constexpr std::size_t step = lanes<T>, ahead = tuning::pack_columns_ahead / sizeof(T);
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
                if (count < tuning::pack_vectors_from) {
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
                    __builtin_prefetch(from + k + ahead);  // more streams than the hardware prefetcher follows
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
            if (count < tuning::pack_vectors_from) {
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

}  // namespace elman::ELMAN_TARGET_NAME
