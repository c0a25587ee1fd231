// Matrices of weights rounded to eight bits, packed for single steps.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "recurrence/packed_weights.h"

namespace elman {

// The largest absolute value; 0 of a row of zeros, which null stands for.
template <class T>
T largest_of(const T* row, std::size_t n) {
    T largest = 0;
    for (std::size_t k = 0; row != nullptr && k < n; ++k) largest = std::max(largest, std::abs(row[k]));
    return largest;
}

// Each column has a unit of its own: its largest element is 127 of them, unless it is next to nothing. In a panel the
// codes of two rows lie side by side, column by column, and an odd last row beside zeros.
template <class T>
void pack_codes(Packing<T>& p, std::size_t width, Workspace& memory) {
    constexpr T most = 127, least = T(1e-30), large = T(3) * (std::size_t{1} << (sizeof(T) == 4 ? 22 : 51));
    p.width = width, p.copies = 1, p.last = (p.n + width - 1) / width;
    const std::size_t rows = rounded(p.k, 2);
    auto* const codes = memory.take_zeros<std::int8_t>(p.last * width * rows);
    T* const units = memory.take_zeros<T>(p.last * width);
    std::vector<T> inverses(p.n);
    for (std::size_t j = 0; j < p.n; ++j) {
        const T largest = largest_of(p.rows[j], p.k);
        if (!(largest > least)) continue;
        units[j] = largest / most, inverses[j] = most / largest;
    }
    constexpr std::size_t block = 64;  // of a panel's rows, which stay in L1 while its columns are written
    for (std::size_t panel = 0; panel < p.last; ++panel) {
        for (std::size_t k0 = 0; k0 < p.k; k0 += block) {
            for (std::size_t j = panel * width; j < std::min(p.n, (panel + 1) * width); ++j) {
                if (!(units[j] > 0)) continue;
                std::int8_t* const to = codes + panel * width * rows + (j - panel * width) * 2;
                for (std::size_t k = k0; k < std::min(p.k, k0 + block); ++k) {
                    // after adding the large number its last bits are the integer
                    to[k / 2 * 2 * width + k % 2] = static_cast<std::int8_t>(p.rows[j][k] * inverses[j] + large - large);
                }
            }
        }
    }
    p.codes = codes, p.units = units;
}

template <class T>
void pack_codes(PackedWeights<T>& weights, std::size_t width, Workspace& memory) {
    for (Packing<T>* packing : {&weights.ih, &weights.hh[0], &weights.hh[1], &weights.hr}) {
        if (packing->n > 0) pack_codes(*packing, width, memory);
    }
}

}  // namespace elman
