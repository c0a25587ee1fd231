// What the walk back holds of the weights, and of the rows of a chunk of steps.
#pragma once

#include "sequence.h"

namespace elman {

template <class T>
struct BackwardWeights : PackedWeights<T> {
    const T *gain_ih, *gain_hh;
    const T* extra[max_extra];
    T **d_ih, **d_hh, **d_hr, **d_b_ih, **d_b_hh;  // where the gradients of each row go
};

// Pointers to the rows of all steps of a chunk, and the chunk's buffers.
template <class T>
struct Rowwise {
    const T **x, **h, **h_prev, **d_out, **gates, **c_prev, **mask, **hidden, **hat_x, **hat_h, **inverse_x,
        **inverse_h;
    T **d_gates, **d_x, **operand, **d_hat_x, **d_hat_h, **d_projected;
    const std::uint8_t** zone[2];
    std::size_t* first;
};

template <class T>
PartWeights<T*> gradients(const Sequence<T>& s, const BackwardCall<T>& call, const Part& part, std::size_t arrays) {
    return {call.d_weights.data() + part.number * arrays, s.layout, s.plan};
}

// Whether both biases of a part have the same gradient: the input's product and the state's go to the same blocks. It is
// then summed once, into the first, and copied.
template <class T>
bool one_bias(const CellPlan& plan, const PartWeights<T*>& gradient) {
    return plan.x_first == plan.h_first && plan.x_blocks == plan.h_blocks &&
           std::equal(plan.x_gates, plan.x_gates + plan.x_blocks, plan.h_gates) && gradient.b_ih != nullptr &&
           gradient.b_hh != nullptr;
}

template <class T>
void copy_biases(const Sequence<T>& s, const BackwardCall<T>& call, std::size_t arrays) {
    for (std::size_t p = 0; p < s.parts(); ++p) {
        const PartWeights<T*> g = gradients(s, call, s.part(p), arrays);
        if (one_bias(s.plan, g))
            std::memcpy(g.b_hh, g.b_ih, static_cast<std::size_t>(s.plan.x_blocks) * s.sizes.H * sizeof(T));
    }
}

template <class T>
void clear_gradients(const Sequence<T>& s, const BackwardCall<T>& call, std::size_t arrays, bool matrices) {
    const std::size_t H = s.sizes.H, R = s.sizes.R, gates = static_cast<std::size_t>(s.plan.x_blocks) * H;
    const auto zero = [](T* values, std::size_t n) {
        if (values != nullptr) std::memset(values, 0, n * sizeof(T));
    };
    for (std::size_t p = 0; p < s.parts(); ++p) {
        const Part part = s.part(p);
        const PartWeights<T*> g = gradients(s, call, part, arrays);
        if (matrices) zero(g.ih, gates * part.input), zero(g.hh, gates * R), zero(g.hr, R * H);
        for (T* vector : {g.b_ih, g.b_hh, g.gain_ih, g.gain_hh}) zero(vector, gates);
        for (T* vector : g.extra) zero(vector, H);
    }
}

}  // namespace elman
