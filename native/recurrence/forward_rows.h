// Where forward reads and writes the rows of a chunk of steps.
#pragma once

#include "recurrence/context.h"
#include "recurrence/saved.h"
#include "recurrence/weights.h"

namespace elman {

// Buffers that threads share, each writing its own rows: the outputs of each layer but the last, the saved activations
// of each part, and for all rows the cell state, the output before projection, and the left factor of a second phase.
template <class T>
struct ForwardBuffers {
    T** inner;
    Saved<T>* saved;
    T *c, *hidden, *operand;

    explicit ForwardBuffers(const Context<T>& ctx) {
        Workspace& memory = ctx.memory;
        const bool training = ctx.call.saved != nullptr;
        inner = memory.template take<T*>(ctx.layout.num_layers);
        saved = memory.template take_zeros<Saved<T>>(ctx.parts());
        std::size_t used = 0;
        for (std::size_t p = 0; p < ctx.parts(); ++p) {
            const Part part = ctx.part(p);
            if (training) saved[p] = saved_of(ctx, part, ctx.call.saved, used);
            if (part.begins_layer() && !ctx.last(part)) {
                inner[part.layer] = training
                                        ? saved[p].out
                                        : memory.template take<T>(ctx.active() * ctx.width());
            }
        }
        if (training) use_large_pages(ctx.call.saved, used * sizeof(T));
        c = memory.template take_zeros<T>(ctx.cell_states() * ctx.batch.rows * ctx.sizes.Hs);
        hidden = memory.template take<T>(ctx.layout.proj_size ? ctx.batch.rows * ctx.sizes.H : 0);
        operand = memory.template take_zeros<T>(ctx.plan.phases > 1 ? ctx.batch.rows * ctx.sizes.H : 0);
    }
};

// One thread's pointers to the rows of a chunk, step after step, and its buffers.
template <class T>
class ForwardRows {
public:
    const T **x, **h_prev, **masked_h, **mask;
    T **gates, **saved_gates, **out, **c_prev, **hidden, **operand, **hat_x, **hat_h, **inverse_x, **inverse_h;
    const std::uint8_t** zoneout[1 + max_cell_states];
    T* chunk_gates;
    std::size_t* first;  // index of each step's first row

    // `n`: the most rows of a chunk of `steps` steps.
    ForwardRows(const Context<T>& ctx, std::size_t n, std::size_t steps) {
        Workspace& m = ctx.memory;
        const Sizes<T>& sizes = ctx.sizes;
        for (const T*** list : {&x, &h_prev, &masked_h, &mask}) *list = m.template take<const T*>(n);
        for (T*** list :
             {&gates, &saved_gates, &out, &c_prev, &hidden, &operand, &hat_x, &hat_h, &inverse_x, &inverse_h}) {
            *list = m.template take<T*>(n);
        }
        for (auto& masks : zoneout) masks = m.template take<const std::uint8_t*>(n);
        first = m.template take<std::size_t>(steps + 1);
        chunk_gates = m.template take<T>(n * sizes.S);
        const bool unsaved_norm = ctx.call.saved == nullptr && ctx.layout.layer_norm;
        const auto x_blocks = static_cast<std::size_t>(ctx.plan.x_blocks),
                   h_blocks = static_cast<std::size_t>(ctx.plan.h_blocks);
        chunk_hat_x_ = m.template take<T>(unsaved_norm ? n * x_blocks * sizes.H : 0);
        step_hat_h_ = m.template take<T>(unsaved_norm ? ctx.batch.rows * h_blocks * sizes.H : 0);
        chunk_inverse_x_ = m.template take<T>(unsaved_norm ? n * x_blocks : 0);
        step_inverse_h_ = m.template take<T>(unsaved_norm ? ctx.batch.rows * h_blocks : 0);
        T* const masked = ctx.call.dropout.empty() ? nullptr : m.template take<T>(ctx.batch.rows * sizes.R);
        for (std::size_t k = 0; masked != nullptr && k < ctx.batch.rows; ++k) masked_h[k] = masked + k * sizes.R;
    }

    // Points to `rows` of steps `begin` … `end`, with their gates in `gates_at`; returns how many there are.
    std::size_t fill(const Context<T>& ctx, const ForwardBuffers<T>& buffers, const Part& part, Range rows,
                     std::size_t begin, std::size_t end, T* gates_at) {
        const CellPlan& plan = ctx.plan;
        const std::size_t H = ctx.sizes.H;
        const Saved<T>& saved = buffers.saved[part.number];
        const bool training = ctx.call.saved != nullptr;
        const auto x_blocks = static_cast<std::size_t>(plan.x_blocks),
                   h_blocks = static_cast<std::size_t>(plan.h_blocks);
        std::size_t n = 0;
        for (std::size_t s = begin; s < end; ++s) {
            const std::size_t t = ctx.step(part, s);
            const Range active = ctx.active_rows(rows, t);
            first[s - begin] = n;
            const std::size_t at = ctx.index(t, active.first);
            const auto own = [&](bool wanted, T* buffer, std::size_t width, std::size_t row, T** to) {
                if (wanted) dense_rows(buffer + row * width, width).fill({0, active.size()}, to + n);
            };
            ctx.x(part, buffers.inner, t).fill(active, x + n);
            ctx.out(part, buffers.inner, t).fill(active, out + n);
            ctx.h_prev(part, buffers.inner, t, active, h_prev + n);
            own(true, gates_at, ctx.sizes.S, n, gates);
            own(saved.gates != nullptr, saved.gates, ctx.sizes.S, at, saved_gates);
            own(saved.c_prev != nullptr, saved.c_prev, ctx.cell_states() * H, at, c_prev);
            own(ctx.layout.proj_size, training ? saved.hidden : buffers.hidden, H, training ? at : active.first,
                hidden);
            own(plan.phases > 1, buffers.operand, H, active.first, operand);
            if (ctx.layout.layer_norm) {
                own(true, training ? saved.hat_x : chunk_hat_x_, x_blocks * H, training ? at : n, hat_x);
                own(true, training ? saved.hat_h : step_hat_h_, h_blocks * H, training ? at : 0, hat_h);
                own(true, training ? saved.inverse_x : chunk_inverse_x_, x_blocks, training ? at : n, inverse_x);
                own(true, training ? saved.inverse_h : step_inverse_h_, h_blocks, training ? at : 0, inverse_h);
            }
            for (std::size_t k = 0; ctx.zoneout_masks() && k < 1 + ctx.cell_states(); ++k) {
                for (std::size_t row = active.first; row < active.last; ++row) {
                    zoneout[k][n + row - active.first] = ctx.zoneout_mask(part, k, t, row);
                }
            }
            n += active.size();
        }
        first[end - begin] = n;
        return n;
    }

private:
    // for layer normalisation in inference
    T *chunk_hat_x_, *step_hat_h_, *chunk_inverse_x_, *step_inverse_h_;
};

}  // namespace elman
