// What the walk back holds of the weights, and of the rows of a chunk of steps.
#pragma once

#include "kernels.h"

namespace elman {

template <class T>
struct BackwardWeights {
    Packing<T> ih, hh[2], hr;
    const T *gain_ih, *gain_hh;
    const T* extra[max_extra];
    T **d_ih, **d_hh, **d_hr, **d_b_ih, **d_b_hh;  // where the gradients of each row go
};

// Pointers to the rows of all steps of a chunk, and the chunk's buffers.
template <class T>
struct Rowwise {
    const T **x, **h_prev, **d_out, **gates, **c_prev, **mask, **hidden, **hat_x, **hat_h, **inverse_x, **inverse_h;
    T **d_gates, **d_x, **operand, **d_hat_x, **d_hat_h, **d_projected;
    const std::uint8_t** zone[2];
    std::size_t* first;
};

}  // namespace elman
