// The weight gradients of a chunk of steps: sums over all its rows. Threads divide the weights' units.
#pragma once

#include "recurrence/backward_rows.h"
#include "recurrence/backward_weights.h"

namespace elman {

template <class T>
class WeightGradients {
public:
    // `n`: the most rows of a chunk.
    WeightGradients(const Context<T>& ctx, const BackwardCall<T>& call, std::size_t arrays, std::size_t n)
        : ctx_(ctx), call_(call), arrays_(arrays) {
        Workspace& m = ctx.memory;
        const Sizes<T>& sizes = ctx.sizes;
        std::size_t widest = sizes.R;
        for (std::size_t p = 0; p < ctx.parts(); ++p) widest = std::max(widest, ctx.part(p).input);
        if (ctx.layout.proj_size) widest = std::max(widest, sizes.H);
        right_ = m.template take<T>(sizes.panels(widest) * sizes.panel * n);
        right_h_ = m.template take<T>(sizes.panels(sizes.R) * sizes.panel * n);
        if (ctx.plan.phases > 1) right_operand_ = m.template take<T>(sizes.panels(sizes.R) * sizes.panel * n);
    }

    // Over n rows; `add`: to the sums of earlier chunks. Has barriers, so all threads must call it.
    void sum(Team& team, const Part& part, const BackwardWeights<T>& w, const BackwardRows<T>& r, std::size_t n,
             bool add) const {
        const CellPlan& plan = ctx_.plan;
        const Sizes<T>& sizes = ctx_.sizes;
        const PartWeights<T*> g = gradients_of(ctx_, call_, part, arrays_);
        const bool norm = ctx_.layout.layer_norm;
        if (g.ih != nullptr) pack_right(team, right_, r.x, n, part.input, nullptr);
        if (g.hh != nullptr) {
            pack_right(team, right_h_, r.h_prev, n, sizes.R, ctx_.masked(part) ? r.mask : nullptr);
            if (plan.phases > 1) pack_right(team, right_operand_, r.operand, n, sizes.R, nullptr);
        }
        team.barrier();
        // blocks of units lie side by side in the gates' gradients; rows of weight gradients may lie anywhere
        const auto outer_sums = [&](const T* d, std::size_t stride, std::size_t first, int blocks, std::size_t width,
                                    const T* right, T* const* rows, T* const* sums) {
            if (rows == nullptr && sums == nullptr) return;
            const Range mine =
                share(static_cast<std::size_t>(blocks) * sizes.H, tuning::gradient_rows, team.rank(), team.size());
            ctx_.kernels.outer_sums({n, mine.size(), width, d + first + mine.first, stride, right,
                                     rows == nullptr ? nullptr : rows + mine.first,
                                     sums == nullptr ? nullptr : sums + mine.first, add});
        };
        const std::size_t x_width = static_cast<std::size_t>(plan.x_blocks) * sizes.H,
                          h_width = static_cast<std::size_t>(plan.h_blocks) * sizes.H;
        outer_sums(norm ? r.d_hat_x[0] : r.d_gates[0], norm ? x_width : sizes.S,
                   norm ? 0 : static_cast<std::size_t>(plan.x_first) * sizes.H, plan.x_blocks, part.input, right_,
                   w.d_ih, norm ? nullptr : w.d_b_ih);
        for (int k = 0; k < plan.phases; ++k) {
            const auto& phase = plan.phase[k];
            const std::size_t of_h = static_cast<std::size_t>(phase.first - plan.h_first) * sizes.H;
            outer_sums(norm ? r.d_hat_h[0] : r.d_gates[0], norm ? h_width : sizes.S,
                       norm ? of_h : static_cast<std::size_t>(phase.first) * sizes.H, phase.count, sizes.R,
                       k == 1 ? right_operand_ : right_h_, w.d_hh == nullptr ? nullptr : w.d_hh + of_h,
                       norm || w.d_b_hh == nullptr ? nullptr : w.d_b_hh + of_h);
        }
        const Range units = share(sizes.H, sizes.lanes, team.rank(), team.size());
        if (norm) {
            sum_norm(r, n, units, plan.x_blocks, plan.x_first, plan.x_gates, r.hat_x, g.gain_ih, g.b_ih);
            sum_norm(r, n, units, plan.h_blocks, plan.h_first, plan.h_gates, r.hat_h, g.gain_hh, g.b_hh);
        }
        if (plan.extra) {
            StepBackward<T> a{};
            a.rows = n, a.hidden = a.block = sizes.H, a.first = units.first, a.last = units.last;
            a.gates = r.gates, a.d_gates = r.d_gates, a.c_prev = r.c_prev;
            ctx_.cell.extra_sums(a, g.extra);
        }
        if (ctx_.layout.proj_size && g.hr != nullptr) {
            team.barrier();  // the packed inputs are no longer needed
            pack_right(team, right_, r.hidden, n, sizes.H, nullptr);
            team.barrier();
            const Range outputs = share(sizes.R, tuning::gradient_rows, team.rank(), team.size());
            ctx_.kernels.outer_sums({n, outputs.size(), sizes.H, r.d_projected[0] + outputs.first, sizes.R, right_,
                                     w.d_hr + outputs.first, nullptr, add});
        }
    }

private:
    // A thread's share of packing the right factor.
    void pack_right(const Team& team, T* packed, const T* const* rows, std::size_t n, std::size_t width,
                    const T* const* scale) const {
        const Range panels = share(ctx_.sizes.panels(width), 1, team.rank(), team.size());
        ctx_.kernels.pack_rows({rows, n, width, packed, panels.first, panels.last, scale, ctx_.sizes.panel, 1});
    }

    // Gradients of layer normalisation's gains and shifts.
    void sum_norm(const BackwardRows<T>& r, std::size_t n, Range units, int blocks, int first, const int* gates,
                  const T* const* hat, T* gain, T* shift) const {
        for (int k = 0; k < blocks; ++k) {
            const std::size_t unit = static_cast<std::size_t>(gates[k]) * ctx_.sizes.H + units.first;
            const std::size_t column = static_cast<std::size_t>(first + k) * ctx_.sizes.H + units.first;
            ctx_.kernels.column_sums(
                {n, units.size(), r.d_gates, column, hat, static_cast<std::size_t>(k) * ctx_.sizes.H + units.first,
                 shift == nullptr ? nullptr : shift + unit, gain == nullptr ? nullptr : gain + unit});
        }
    }

    const Context<T>& ctx_;
    const BackwardCall<T>& call_;
    const std::size_t arrays_;
    T *right_, *right_h_, *right_operand_ = nullptr;  // packed right factors
};

}  // namespace elman
