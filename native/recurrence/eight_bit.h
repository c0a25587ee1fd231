// Matrices of weights rounded to eight bits, packed for single steps.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "recurrence/packed_weights.h"

namespace elman {

// Each column, the weights of one unit, has a unit of its own: its largest element is 127 of them.
template <class T>
void pack_codes(Packing<T>& p, std::size_t width, Workspace& memory) {
    constexpr T most = 127;
    p.width = width, p.copies = 1, p.last = (p.n + width - 1) / width;
    auto* const codes = memory.take_zeros<std::int8_t>(p.last * width * p.k);
    T* const units = memory.take_zeros<T>(p.last * width);
    for (std::size_t j = 0; j < p.n; ++j) {
        const T* const from = p.rows[j];
        T largest = 0;
        for (std::size_t k = 0; from != nullptr && k < p.k; ++k) largest = std::max(largest, std::abs(from[k]));
        const T unit = largest / most;
        if (!(unit > 0)) continue;
        units[j] = unit;
        std::int8_t* const to = codes + j / width * p.k * width + j % width;
        for (std::size_t k = 0; k < p.k; ++k) {
            to[k * width] = static_cast<std::int8_t>(std::nearbyint(std::clamp(from[k] / unit, -most, most)));
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
