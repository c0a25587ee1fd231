// Matmuls, tile by tile.
//
// Each element is a sum over k in order, starting from its initial value; blocks of `sum_depth` after the first are
// summed from zero and then added. The order depends neither on the number of rows nor on the tile or thread that an
// element falls to: a row's result is the same in any batch, bit for bit.
#pragma once

#include "kernels/arguments.h"
#include "kernels/gemv.h"
#include "kernels/gemv_of_codes.h"
#include "kernels/tile.h"

namespace elman::ELMAN_TARGET_NAME {

// Rows `row` … `end` of one panel, from its column `first` on, as many columns as a tile has at most.
template <class T>
ELMAN_INLINE void matmul_of_panel(const Matmul<T>& p, std::size_t row, std::size_t end, std::size_t panel,
                                  std::size_t first) {
    const std::size_t tiles = (end - row + tuning::tile_rows - 1) / tuning::tile_rows;  // of about equal heights
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
    if (p.k <= tuning::sum_depth) return add(factors, factors + (p.second_k > 0 ? 2 : 1), begin);
    for (std::size_t k0 = 0; k0 < p.k;
         k0 += tuning::sum_depth, factors[0].offset += tuning::sum_depth, factors[0].b += tuning::sum_depth * p.width) {
        factors[0].k = smaller(tuning::sum_depth, p.k - k0);
        add(factors, factors + 1, k0 > 0 ? Begin::zeros : begin);
    }
    if (p.second_k > 0) add(factors + 1, factors + 2, Begin::result);
}

template <class T>
void matmul(const Matmul<T>& p) {
    if (p.last <= p.first) return;
    if (p.codes != nullptr) return gemv_of_codes<T>(p);
    if (p.m == 1 && p.row_start == nullptr && p.second_k == 0) return gemv<T>(p);
    for (std::size_t row = 0; row < p.m; row += tuning::row_slab) {
        for (std::size_t index = p.first; index < p.last; ++index) {
            const std::size_t panel = p.descending ? p.last - 1 - (index - p.first) : index;
            const std::size_t columns = smaller(p.width, p.n - panel * p.width);
            for (std::size_t first = 0; first < columns; first += panel_width<T>) {
                matmul_of_panel<T>(p, row, smaller(p.m, row + tuning::row_slab), panel, first);
            }
        }
    }
}

}  // namespace elman::ELMAN_TARGET_NAME
