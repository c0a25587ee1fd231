// Single steps of large layers, one call each: as fast as the caches deliver the weights.
#pragma once

#include "recurrence/forward_rows.h"
#include "recurrence/forward_weights.h"

namespace elman {

// Bytes of the matrices of the largest layer.
template <class T>
std::size_t largest_layer(const Context<T>& ctx) {
    std::size_t input = 0;
    for (std::size_t p = 0; p < ctx.parts(); ++p) input = std::max(input, ctx.part(p).input);
    const std::size_t row = static_cast<std::size_t>(ctx.plan.x_blocks) * input +
                            static_cast<std::size_t>(ctx.plan.h_blocks) * ctx.sizes.R;
    return row * ctx.sizes.H * sizeof(T);
}

// The products of a single step's input and state, with their panels interleaved: the next step, which goes the other
// way, then finds the last panels of both in the cache.
template <class T>
void interleaved_products(const Context<T>& ctx, const ForwardWeights<T>& w, std::size_t n, const ForwardRows<T>& rows,
                          bool descending) {
    const Packing<T>&x = w.ih, &h = w.hh[0];
    const std::size_t x_column = static_cast<std::size_t>(ctx.plan.x_first) * ctx.sizes.H,
                      h_column = static_cast<std::size_t>(ctx.plan.phase[0].first) * ctx.sizes.H;
    const auto run = [&](const Packing<T>& b, const T* const* a, std::size_t column, Range panels, const T* start) {
        ctx.kernels.matmul({n, b.n, b.k, a, 0, b.packed, b.width, rows.gates, column, panels.first, panels.last, start,
                            start == nullptr, descending});
    };
    // panels that gemv takes at a time
    const auto group = [&](const Packing<T>& b) {
        return b.width == ctx.sizes.panel ? std::size_t{tuning::gemv_panels} : std::size_t{1};
    };
    std::size_t done = 0;  // panels of the input, in this step's direction
    const auto input_until = [&](std::size_t until) {
        until = std::min(rounded(until, group(x)), x.last);
        if (until <= done) return;
        run(x, rows.x, x_column, descending ? Range{x.last - until, x.last - done} : Range{done, until},
            w.initial_gates + x_column);
        done = until;
    };
    for (std::size_t at = 0; at < h.last; at += group(h)) {
        const std::size_t end = std::min(at + group(h), h.last);
        const Range panels = descending ? Range{h.last - end, h.last - at} : Range{at, end};
        // the input's part of these columns comes first
        const std::size_t border = h_column + (descending ? panels.first : panels.last) * h.width;
        const std::size_t before = border < x_column ? 0 : border - x_column;
        input_until(descending ? x.last - std::min(x.last, before / x.width) : (before + x.width - 1) / x.width);
        run(h, rows.h_prev, h_column, panels, nullptr);
    }
    input_until(x.last);
}

}  // namespace elman
