// Saved activations: what forward stores for backward in the caller's buffer.
#pragma once

#include "recurrence/context.h"

namespace elman {

// Those of a part; null if not saved.
template <class T>
struct Saved {
    T *gates, *c_prev, *hat_x, *hat_h, *inverse_x, *inverse_h, *hidden, *out;
};

// Whether a cell's only gate is its output, so that saving the output is enough. A zoneout mask may replace the output
// by the old one, but then no gradient passes the gate; zoneout by its rate, without masks, would hide the gate.
template <class T>
bool output_is_gate(const Context<T>& ctx) {
    return ctx.plan.blocks == 1 && (ctx.layout.zoneout.empty() || ctx.zoneout_masks());
}

// The place of a part's in `buffer`, from element `at` on; advances `at`.
template <class T>
Saved<T> saved_of(const Context<T>& ctx, const Part& part, T* buffer, std::size_t& at) {
    const Sizes<T>& sizes = ctx.sizes;
    const CellPlan& plan = ctx.plan;
    const Layout& layout = ctx.layout;
    const std::size_t n = ctx.active();
    const auto take = [&](bool wanted, std::size_t width) -> T* {
        if (!wanted) return nullptr;
        const std::size_t begin = at;
        at += rounded(n * width, sizes.panel);  // each starts on a whole vector
        return buffer == nullptr ? nullptr : buffer + begin;
    };
    Saved<T> s;
    s.gates = take(!output_is_gate(ctx), sizes.S);  // null: outputs are the gates
    s.c_prev = take(plan.cell_states != 0, ctx.cell_states() * sizes.H);
    s.hat_x = take(layout.layer_norm, plan.x_blocks * sizes.H);
    s.hat_h = take(layout.layer_norm, plan.h_blocks * sizes.H);
    s.inverse_x = take(layout.layer_norm, plan.x_blocks);
    s.inverse_h = take(layout.layer_norm, plan.h_blocks);
    s.hidden = take(layout.proj_size != 0, sizes.H);
    s.out = take(part.begins_layer() && !ctx.last(part), ctx.width());
    return s;
}

// Elements of the buffer.
template <class T>
std::size_t saved_size(const Context<T>& ctx) {
    std::size_t size = 0;
    for (std::size_t p = 0; p < ctx.parts(); ++p) saved_of<T>(ctx, ctx.part(p), nullptr, size);
    return size;
}

}  // namespace elman
