// The time loop, backward.
#pragma once

#include "recurrence/context.h"

namespace elman {

template <class T>
void run_backward(const Context<T>& ctx, const BackwardCall<T>& call, std::size_t arrays);

}  // namespace elman
