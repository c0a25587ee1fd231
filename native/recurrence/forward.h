// The time loop, forward. Training saves what backward needs, inference nothing.
#pragma once

#include "recurrence/forward_weights.h"

namespace elman {

// `prepared`: packed weights to use instead of the call's, or null.
template <class T>
void run_forward(const Context<T>& ctx, std::size_t arrays, const Prepared<T>* prepared);

}  // namespace elman
