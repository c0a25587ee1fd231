#pragma once

#include <cstring>

#include "recurrence/batch_in_lanes/panels.h"
#include "recurrence/saved.h"

namespace elman {

// What forward and backward share: the batch's panels, where things lie in them, and matmuls.
template <class T>
class PanelLoop {
public:
    explicit PanelLoop(const Context<T>& ctx)
        : ctx_(ctx),
          sizes_(ctx.sizes),
          plan_(ctx.plan),
          panels_(ctx),
          output_is_gate_(output_is_gate(ctx)),
          W_(sizes_.panel),
          S_(static_cast<std::size_t>(plan_.blocks) * sizes_.H),
          width_(ctx.layout.directions * sizes_.H) {}

    // Forward saves the gates and old cell states of each part and the outputs of each layer, panel by panel, step by
    // step.
    std::size_t saved_size() const {
        return ctx_.parts() * part_size() + ctx_.layout.num_layers * panels_.count() * ctx_.batch.steps * width_ * W_;
    }

protected:
    std::size_t part_size() const {
        const std::size_t gates = output_is_gate_ ? 0 : S_;
        return panels_.count() * ctx_.batch.steps * (gates + (plan_.cell_states ? sizes_.H : 0)) * W_;
    }
    T* gates(const Part& part, std::size_t p, std::size_t t) const {
        if (output_is_gate_) return saved_out(part.layer, p, t) + part.direction * sizes_.H * W_;
        return ctx_.call.saved + part.number * part_size() + (p * ctx_.batch.steps + t) * S_ * W_;
    }
    T* old_cell(const Part& part, std::size_t p, std::size_t t) const {
        return gates(part, panels_.count(), 0) + (p * ctx_.batch.steps + t) * sizes_.H * W_;
    }
    T* saved_out(std::size_t layer, std::size_t p, std::size_t t) const {
        return ctx_.call.saved + ctx_.parts() * part_size() +
               ((layer * panels_.count() + p) * ctx_.batch.steps + t) * width_ * W_;
    }

    // Pointers to the rows of one step, one for each lane of a panel. A lane without a row repeats the first row, so
    // that its values are harmless, or is null.
    template <class U>
    void lanes_of(const StepRows<U>& rows, std::size_t p, U** to, bool repeat) const {
        const std::size_t first = panels_.first(p), n = panels_.rows(p);
        rows.fill({first, first + n}, to);
        std::fill(to + n, to + W_, repeat ? to[0] : nullptr);
    }
    void pack(std::size_t p, const T* const* rows, std::size_t n, T* to) const {
        ctx_.kernels.pack_columns({rows, n, panels_.lanes(p), to, 0, 1, nullptr, W_, 1});
    }
    void pack_state(const T* states, const Part& part, std::size_t p, bool repeat, const T** lanes, T* to) const {
        if (states == nullptr) {
            std::memset(to, 0, sizes_.H * W_ * sizeof(T));
            return;
        }
        lanes_of<const T>(state_rows(states, part), p, lanes, repeat);
        pack(p, lanes, sizes_.H, to);
    }
    void unpack(const StepRows<T>& rows, std::size_t p, std::size_t n, const T* from, T** lanes) const {
        lanes_of<T>(rows, p, lanes, false);
        ctx_.kernels.unpack_columns({lanes, panels_.rows(p), n, from});
    }
    template <class U>
    StepRows<U> state_rows(U* states, const Part& part) const {
        return dense_rows(states + part.number * ctx_.batch.rows * sizes_.H, sizes_.H);
    }
    void unpack_state(T* states, const Part& part, std::size_t p, const T* from, T** lanes) const {
        if (states != nullptr) unpack(state_rows(states, part), p, sizes_.H, from, lanes);
    }
    template <class U>
    static void point_rows(U* base, std::size_t n, std::size_t width, U** to) {
        for (std::size_t k = 0; k < n; ++k) to[k] = base + k * width;
    }
    struct Factor {
        const T* const* a;
        std::size_t k;
        const T* b;
    };
    // c[i] = start[i] + Σ a[i][k] · b[k] for n rows, or with `add` from what c holds; plus the same of a second pair of
    // factors.
    void multiply(std::size_t p, std::size_t n, const Factor& factor, T* const* c, const T* start, bool add,
                  const Factor& second = {}) const {
        ctx_.kernels.matmul({n, panels_.lanes(p), factor.k, factor.a, 0, factor.b, W_, c, 0, 0, 1, nullptr, add, false,
                             start, second.k, second.a, second.b});
    }
    std::size_t at(int block) const { return static_cast<std::size_t>(block) * sizes_.H; }

    const Context<T>& ctx_;
    const Sizes<T>& sizes_;
    const CellPlan& plan_;
    const Panels<T> panels_;
    const bool output_is_gate_;
    const std::size_t W_, S_, width_;  // of a panel; rows of gates; of both directions' outputs
};

}  // namespace elman
