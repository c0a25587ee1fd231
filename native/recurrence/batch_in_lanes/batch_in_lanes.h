// The time loop with the batch in SIMD lanes: few units would leave vectors half empty, and where rows are many they need
// not. Panels of rows, as wide as a packed panel, run all steps one after the other; what belongs to one (gates, states)
// stays in the first cache, and each is already the packed factor of the next product.
//
// The numbers are those of the time loop with units in the lanes, bit for bit, but for the gradients of weights, which are
// summed in another order.
#pragma once

#include "recurrence/context.h"

namespace elman {

// Whether a call is run so.
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
