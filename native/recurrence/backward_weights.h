// Backward's weights, packed, and where their gradients go, both in the order of the blocks.
#pragma once

#include "recurrence/gradients.h"
#include "recurrence/packed_weights.h"

namespace elman {

template <class T>
struct BackwardWeights : PackedWeights<T> {
    const T *gain_ih, *gain_hh;
    const T* extra[max_extra];
    T **d_ih, **d_hh, **d_hr, **d_b_ih, **d_b_hh;  // gradients, row by row, or null
};

// Those of all parts, ready to be packed one by one.
template <class T>
BackwardWeights<T>* backward_weights(const Context<T>& ctx, const BackwardCall<T>& call, std::size_t arrays) {
    const CellPlan& plan = ctx.plan;
    const std::size_t H = ctx.sizes.H, R = ctx.sizes.R;
    const bool norm = ctx.layout.layer_norm, one_row = ctx.batch.rows == 1;
    auto* const all = ctx.memory.template take_zeros<BackwardWeights<T>>(ctx.parts());
    for (std::size_t p = 0; p < ctx.parts(); ++p) {
        const Part part = ctx.part(p);
        const PartWeights<const T*> w = weights_of(ctx, part, arrays);
        BackwardWeights<T>& to = all[p];
        const auto rows = [&](int blocks, const int* gates, const T* weight, std::size_t width, bool single) {
            return packing_of<T>(ctx, rows_in_blocks(ctx, blocks, gates, weight, width),
                                 static_cast<std::size_t>(blocks) * H, width, single);
        };
        to.ih = rows(plan.x_blocks, plan.x_gates, w.ih, part.input, false);
        for (int k = 0; k < plan.phases; ++k) {
            const auto& phase = plan.phase[k];
            if (phase.count == 0) continue;
            to.hh[k] = rows(phase.count, plan.h_gates + (phase.first - plan.h_first), w.hh, R, one_row);
        }
        if (w.hr != nullptr) to.hr = packing_of<T>(ctx, row_pointers(ctx, w.hr, R, H), R, H, one_row);
        if (norm) {
            to.gain_ih = in_blocks(ctx, plan.x_blocks, plan.x_gates, w.gain_ih);
            to.gain_hh = in_blocks(ctx, plan.h_blocks, plan.h_gates, w.gain_hh);
        }
        for (int k = 0; k < plan.extra; ++k) to.extra[k] = w.extra[k];
        const PartWeights<T*> g = gradients_of(ctx, call, part, arrays);
        to.d_ih = rows_in_blocks(ctx, plan.x_blocks, plan.x_gates, g.ih, part.input);
        to.d_hh = rows_in_blocks(ctx, plan.h_blocks, plan.h_gates, g.hh, R);
        to.d_b_ih = rows_in_blocks(ctx, plan.x_blocks, plan.x_gates, g.b_ih, 1);
        // (with layer normalisation the biases are shifts, whose gradients are summed elsewhere)
        const bool once = !norm && one_bias(plan, g);
        to.d_b_hh = once ? nullptr : rows_in_blocks(ctx, plan.h_blocks, plan.h_gates, g.b_hh, 1);
        to.d_hr = g.hr == nullptr ? nullptr : row_pointers(ctx, g.hr, R, H);
    }
    place(ctx, all, true);
    return all;
}

}  // namespace elman
