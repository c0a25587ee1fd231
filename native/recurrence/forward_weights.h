// Forward's weights, packed and in the order of the blocks.
#pragma once

#include "recurrence/packed_weights.h"
#include "recurrence/weights.h"
#include "runtime/step_sharing.h"

namespace elman {

template <class T>
struct ForwardWeights : PackedWeights<T> {
    const T *initial_gates, *gain_ih, *gain_hh, *shift_ih, *shift_hh;
    const T* extra[max_extra];
};

// A stack's weights, packed once for many single steps.
template <class T>
struct Prepared {
    Workspace memory;
    ForwardWeights<T>* parts;
    mutable StepSharing sharing;
};

// Those of all parts, to be placed and packed.
template <class T>
ForwardWeights<T>* forward_weights(const Context<T>& ctx, std::size_t arrays) {
    const CellPlan& plan = ctx.plan;
    const std::size_t H = ctx.sizes.H, R = ctx.sizes.R;
    auto* const all = ctx.memory.template take_zeros<ForwardWeights<T>>(ctx.parts());
    for (std::size_t p = 0; p < ctx.parts(); ++p) {
        const Part part = ctx.part(p);
        const PartWeights<const T*> w = weights_of(ctx, part, arrays);
        ForwardWeights<T>& to = all[p];
        const bool one_row = ctx.batch.rows <= 1;  // or no batch yet: single steps, which most often have one row
        const auto columns = [&](int blocks, const int* gates, const T* weight, std::size_t width, bool single) {
            const std::size_t n = static_cast<std::size_t>(blocks) * H;
            return packing_of<T>(ctx, rows_in_blocks(ctx, blocks, gates, weight, width), width, n, single);
        };
        to.ih = columns(plan.x_blocks, plan.x_gates, w.ih, part.input, one_row && ctx.batch.steps <= 1);
        for (int k = 0; k < plan.phases; ++k) {
            const auto& phase = plan.phase[k];
            if (phase.count == 0) continue;
            to.hh[k] = columns(phase.count, plan.h_gates + (phase.first - plan.h_first), w.hh, R, one_row);
        }
        if (w.hr != nullptr) to.hr = packing_of<T>(ctx, row_pointers(ctx, w.hr, R, H), H, R, one_row);
        to.initial_gates = initial_gates(ctx, w);
        if (ctx.layout.layer_norm) {
            to.gain_ih = in_blocks(ctx, plan.x_blocks, plan.x_gates, w.gain_ih);
            to.gain_hh = in_blocks(ctx, plan.h_blocks, plan.h_gates, w.gain_hh);
            to.shift_ih = in_blocks(ctx, plan.x_blocks, plan.x_gates, w.b_ih);
            to.shift_hh = in_blocks(ctx, plan.h_blocks, plan.h_gates, w.b_hh);
        }
        for (int k = 0; k < plan.extra; ++k) {
            T* const row = ctx.memory.template take<T>(H);
            std::memcpy(row, w.extra[k], H * sizeof(T));
            to.extra[k] = row;
        }
    }
    return all;
}

}  // namespace elman
