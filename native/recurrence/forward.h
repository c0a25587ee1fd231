// The time loop, forward. Inference saves nothing, training what backward needs.
#pragma once

#include "recurrence/forward_weights.h"

namespace elman {

// `prepared`: the weights, or null for the call's.
template <class T>
void run_forward(const Context<T>& ctx, std::size_t arrays, const Prepared<T>* prepared);

}  // namespace elman
