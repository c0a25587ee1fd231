// The time loop with the batch in SIMD lanes: with few units and many rows, units would leave vectors half empty.
// Panels of rows, as wide as a packed panel, run through all steps one panel after another. A panel's gates and states
// stay in L1, and are already packed as a factor of the next product.
//
// Results equal those with units in the lanes bit for bit, except for weight gradients, which are summed in another
// order.
#pragma once

#include "recurrence/context.h"

namespace elman {

// Whether a call runs this way.
template <class T>
bool fits_in_lanes(const Context<T>& ctx);

// Elements that forward saves for backward.
template <class T>
std::size_t saved_size_in_lanes(const Context<T>& ctx);

template <class T>
void run_forward_in_lanes(const Context<T>& ctx, std::size_t arrays);

template <class T>
void run_backward_in_lanes(const Context<T>& ctx, const BackwardCall<T>& call, std::size_t arrays);

}  // namespace elman
