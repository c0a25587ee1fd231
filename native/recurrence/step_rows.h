// Where the rows of one step lie: in the caller's tensor, whatever its strides and the order of its rows, or in an
// internal buffer. Kernels take pointers to rows, so nothing is copied.
#pragma once

#include <cstddef>
#include <cstdint>

#include "recurrence/range.h"

namespace elman {

template <class U>
struct StepRows {
    U* base;
    std::ptrdiff_t stride;
    const std::int64_t* order;  // or null

    U* operator[](std::size_t row) const {
        return base +
               (order == nullptr ? static_cast<std::ptrdiff_t>(row) : static_cast<std::ptrdiff_t>(order[row])) * stride;
    }
    StepRows from(std::size_t column) const { return {base + column, stride, order}; }
    template <class P>
    void fill(Range rows, P* to) const {
        if (order == nullptr) {
            U* at = base + static_cast<std::ptrdiff_t>(rows.first) * stride;
            for (std::size_t row = rows.first; row < rows.last; ++row, at += stride) *to++ = at;
        } else {
            for (std::size_t row = rows.first; row < rows.last; ++row) *to++ = (*this)[row];
        }
    }
};

// Contiguous rows of `width` values.
template <class U>
StepRows<U> dense_rows(U* base, std::size_t width) {
    return {base, static_cast<std::ptrdiff_t>(width), nullptr};
}

}  // namespace elman
