// Weight gradients in the caller's arrays.
#pragma once

#include "recurrence/weights.h"

namespace elman {

template <class T>
PartWeights<T*> gradients_of(const Context<T>& ctx, const BackwardCall<T>& call, const Part& part, std::size_t arrays) {
    return PartWeights<T*>(call.d_weights.data() + part.weights * arrays, ctx.layout, ctx.plan)
        .of_head(part.head, ctx.sizes.H, part.input, ctx.sizes.R);
}

// Whether both biases of a part have the same gradient, because both products go to the same blocks: it is then summed
// into the first and copied.
template <class T>
bool one_bias(const CellPlan& plan, const PartWeights<T*>& gradient) {
    return plan.x_first == plan.h_first && plan.x_blocks == plan.h_blocks &&
           std::equal(plan.x_gates, plan.x_gates + plan.x_blocks, plan.h_gates) && gradient.b_ih != nullptr &&
           gradient.b_hh != nullptr;
}

template <class T>
void copy_biases(const Context<T>& ctx, const BackwardCall<T>& call, std::size_t arrays) {
    for (std::size_t p = 0; p < ctx.parts(); p += ctx.layout.heads) {
        const PartWeights<T*> g = gradients_of(ctx, call, ctx.part(p), arrays);
        if (one_bias(ctx.plan, g)) {
            std::memcpy(g.b_hh, g.b_ih, static_cast<std::size_t>(ctx.plan.x_blocks) * gate_rows(ctx) * sizeof(T));
        }
    }
}

template <class T>
void clear_gradients(const Context<T>& ctx, const BackwardCall<T>& call, std::size_t arrays, bool matrices) {
    const std::size_t H = gate_rows(ctx), R = ctx.sizes.R, gates = static_cast<std::size_t>(ctx.plan.x_blocks) * H;
    const auto zero = [](T* values, std::size_t n) {
        if (values != nullptr) std::memset(values, 0, n * sizeof(T));
    };
    for (std::size_t p = 0; p < ctx.parts(); p += ctx.layout.heads) {  // the first head's arrays are those of all
        const Part part = ctx.part(p);
        const PartWeights<T*> g = gradients_of(ctx, call, part, arrays);
        if (matrices) zero(g.ih, gates * part.input), zero(g.hh, gates * R), zero(g.hr, R * H);
        for (T* vector : {g.b_ih, g.b_hh, g.gain_ih, g.gain_hh}) zero(vector, gates);
        for (T* vector : g.extra) zero(vector, H);
    }
}

}  // namespace elman
