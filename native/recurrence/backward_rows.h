// Where backward reads and writes the rows of a chunk of steps.
#pragma once

#include "recurrence/context.h"
#include "recurrence/saved.h"
#include "recurrence/weights.h"

namespace elman {

// Pointers to the rows of all steps of a chunk, and the chunk's buffers, shared by all threads.
template <class T>
class BackwardRows {
public:
    const T **x, **h, **h_prev, **d_out, **gates, **c_prev, **mask, **hidden, **hat_x, **hat_h, **inverse_x,
        **inverse_h;
    T **d_gates, **d_x, **operand, **d_hat_x, **d_hat_h, **d_projected;
    const std::uint8_t** zoneout[1 + max_cell_states];
    std::size_t* first;  // index of each step's first row

    // `n`: the most rows of a chunk of `steps` steps.
    BackwardRows(const Context<T>& ctx, const BackwardCall<T>& call, std::size_t n, std::size_t steps) : call_(call) {
        Workspace& m = ctx.memory;
        const CellPlan& plan = ctx.plan;
        const Sizes<T>& sizes = ctx.sizes;
        for (const T*** list :
             {&x, &h, &h_prev, &d_out, &gates, &c_prev, &mask, &hidden, &hat_x, &hat_h, &inverse_x, &inverse_h}) {
            *list = m.template take<const T*>(n);
        }
        d_x = m.template take<T*>(n);
        const auto buffer = [&](bool wanted, std::size_t width) {
            return wanted ? row_pointers(ctx, m.template take<T>(n * width), n, width) : m.template take<T*>(n);
        };
        const bool norm = ctx.layout.layer_norm;
        d_gates = buffer(true, sizes.S);
        operand = buffer(plan.phases > 1, sizes.H);
        d_hat_x = buffer(norm, static_cast<std::size_t>(plan.x_blocks) * sizes.H);
        d_hat_h = buffer(norm, static_cast<std::size_t>(plan.h_blocks) * sizes.H);
        d_projected = buffer(ctx.layout.proj_size != 0, sizes.R);
        for (auto& masks : zoneout) masks = m.template take<const std::uint8_t*>(n);
        first = m.template take<std::size_t>(steps + 1);

        inner_ = m.template take<T*>(ctx.layout.num_layers);
        saved_ = m.template take<Saved<T>>(ctx.parts());
        std::size_t used = 0;
        for (std::size_t p = 0; p < ctx.parts(); ++p) {
            const Part part = ctx.part(p);
            saved_[p] = saved_of(ctx, part, ctx.call.saved, used);
            if (part.begins_layer()) inner_[part.layer] = saved_[p].out;
        }
        // the gradients of a layer's outputs and of its inputs, which are the next one's outputs: two buffers in turn
        for (std::size_t k = 0; k < std::min<std::size_t>(2, ctx.layout.num_layers - 1); ++k) {
            turns_[k] = m.template take<T>(ctx.active() * ctx.width());
        }
    }

    // Whether the gradient of a part's inputs is wanted.
    bool wants_x(const Part& part) const { return part.layer > 0 || call_.d_x.data != nullptr; }
    // Whether a part's outputs have a gradient.
    bool has_d_out(const Context<T>& ctx, const Part& part) const {
        return !ctx.last(part) || call_.d_out.data != nullptr;
    }

    // Points to `rows` of step t, from index n on.
    void fill(const Context<T>& ctx, const Part& part, std::size_t t, Range rows, std::size_t n) {
        const CellPlan& plan = ctx.plan;
        const Saved<T>& saved = saved_[part.number];
        const std::size_t H = ctx.sizes.H, width = ctx.width(), at = ctx.index(t, rows.first);
        const auto own = [&](const T* buffer, std::size_t row_width, const T** to) {
            if (buffer != nullptr) dense_rows(buffer + at * row_width, row_width).fill({0, rows.size()}, to + n);
        };
        ctx.x(part, inner_, t).fill(rows, x + n);
        ctx.h_prev(part, inner_, t, rows, h_prev + n);
        if (plan.cell_states) ctx.out(part, inner_, t).fill(rows, h + n);
        if (saved.gates == nullptr) {
            ctx.out(part, inner_, t).fill(rows, gates + n);
        } else {
            own(saved.gates, ctx.sizes.S, gates);
        }
        if (part.layer > 0) {
            ctx.inner_rows(turns_[(part.layer - 1) % 2], width, t).fill(rows, d_x + n);
        } else if (call_.d_x.data != nullptr) {
            ctx.rows(call_.d_x, t).fill(rows, d_x + n);
        }
        if (!ctx.last(part)) {
            ctx.inner_rows(turns_[part.layer % 2], width, t).from(part.column).fill(rows, d_out + n);
        } else if (call_.d_out.data != nullptr) {
            ctx.rows(call_.d_out, t).from(part.column).fill(rows, d_out + n);
        }
        const auto x_blocks = static_cast<std::size_t>(plan.x_blocks),
                   h_blocks = static_cast<std::size_t>(plan.h_blocks);
        own(saved.c_prev, ctx.cell_states() * H, c_prev);
        own(saved.hidden, H, hidden);
        own(saved.hat_x, x_blocks * H, hat_x);
        own(saved.hat_h, h_blocks * H, hat_h);
        own(saved.inverse_x, x_blocks, inverse_x);
        own(saved.inverse_h, h_blocks, inverse_h);
        for (std::size_t row = rows.first; ctx.masked(part) && row < rows.last; ++row) {
            mask[n + row - rows.first] = ctx.recurrent_mask(part, row);
        }
        for (std::size_t k = 0; ctx.zoneout_masks() && k < 1 + ctx.cell_states(); ++k) {
            for (std::size_t row = rows.first; row < rows.last; ++row) {
                zoneout[k][n + row - rows.first] = ctx.zoneout_mask(part, k, t, row);
            }
        }
    }

private:
    const BackwardCall<T>& call_;
    T** inner_;
    Saved<T>* saved_;
    T* turns_[2] = {};
};

}  // namespace elman
