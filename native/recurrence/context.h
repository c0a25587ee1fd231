// One call as forward and backward see it: which rows are active at each step, where they lie, and their states and
// masks.
#pragma once

#include <algorithm>

#include "kernels/table.h"
#include "recurrence/call.h"
#include "recurrence/range.h"
#include "recurrence/step_rows.h"
#include "runtime/tuning.h"
#include "runtime/workspace.h"

namespace elman {

// One direction of one layer, or, if its units are divided into heads, one head of it: as the gates of a head read its
// own units alone, each runs by itself. `weights`: the number of the layer and direction; `column`: of the outputs.
struct Part {
    std::size_t number, weights, layer, direction, head, column, input;
    bool reverse() const { return direction == 1; }
    bool begins_layer() const { return direction == 0 && head == 0; }
};

// Sizes of a stack, of one of its parts.
template <class T>
struct Sizes {
    std::size_t H, R, S;  // hidden, recurrent, a row of gates
    std::size_t Hs, Rs;   // H and R rounded up to whole vectors: strides of what is written in place
    std::size_t lanes, panel;

    Sizes(const Layout& layout, const CellPlan& plan, const KernelsOf<T>& kernels)
        : H(layout.hidden_size / layout.heads),
          R(layout.proj_size ? layout.proj_size : H),
          S(apart(static_cast<std::size_t>(plan.blocks) * H)),
          Hs(rounded(H, kernels.lanes)),
          Rs(rounded(R, kernels.lanes)),
          lanes(kernels.lanes),
          panel(kernels.panel) {}

    static std::size_t apart(std::size_t n) {
        return n * sizeof(T) % tuning::aliasing_bytes == 0 ? n + tuning::cache_line / sizeof(T) : n;
    }
    std::size_t panels(std::size_t columns) const { return (columns + panel - 1) / panel; }
};

template <class T>
class Context {
public:
    const Layout& layout;
    const CellPlan& plan;
    const KernelsOf<T>& kernels;
    const CellKernels<T>& cell;
    const Batch& batch;
    const ForwardCall<T>& call;
    const Sizes<T> sizes;
    Workspace& memory;

    Context(const Layout& layout, const KernelsOf<T>& kernels, const CellKernels<T>& cell, const Batch& batch,
            const ForwardCall<T>& call, Workspace& memory)
        : layout(layout),
          plan(cell.plan),
          kernels(kernels),
          cell(cell),
          batch(batch),
          call(call),
          sizes(layout, cell.plan, kernels),
          memory(memory) {
        offsets_ = memory.take<std::size_t>(batch.steps + 1);
        offsets_[0] = 0;
        for (std::size_t t = 0; t < batch.steps; ++t) offsets_[t + 1] = offsets_[t] + count(t);
        const std::size_t longest = std::max(sizes.H, layout.input_size);
        zeros = memory.take_zeros<T>(std::max(longest, sizes.S));
    }

    const T* zeros;  // a row of zeros

    // The number of rows active at step t, at all steps, at some steps; and how many come before a row of step t.
    std::size_t count(std::size_t t) const {
        return batch.counts == nullptr ? batch.rows : static_cast<std::size_t>(batch.counts[t]);
    }
    std::size_t active() const { return offsets_[batch.steps]; }
    std::size_t active(Range steps) const { return offsets_[steps.last] - offsets_[steps.first]; }
    std::size_t index(std::size_t t, std::size_t row) const { return offsets_[t] + row; }
    Range active_rows(Range rows, std::size_t t) const {
        return {rows.first, std::max(rows.first, std::min(rows.last, count(t)))};
    }
    std::size_t callers_row(std::size_t row) const {
        return batch.order == nullptr ? row : static_cast<std::size_t>(batch.order[row]);
    }

    std::size_t parts_of_layer() const { return layout.directions * layout.heads; }
    std::size_t parts() const { return layout.num_layers * parts_of_layer(); }
    Part part(std::size_t number) const {
        const std::size_t weights = number / layout.heads, layer = weights / layout.directions;
        return {number,
                weights,
                layer,
                weights % layout.directions,
                number % layout.heads,
                number % parts_of_layer() * sizes.R,
                layer == 0 ? layout.input_size : width()};
    }
    // Of a layer's outputs.
    std::size_t width() const { return parts_of_layer() * sizes.R; }
    bool last(const Part& part) const { return part.layer + 1 == layout.num_layers; }
    // The s-th step of the time loop.
    std::size_t step(const Part& part, std::size_t s) const { return part.reverse() ? batch.steps - 1 - s : s; }

    template <class U>
    StepRows<U> rows(const Rows<U>& tensor, std::size_t t) const {
        if (batch.packed) {
            return {tensor.data + static_cast<std::ptrdiff_t>(offsets_[t]) * tensor.row, tensor.row, nullptr};
        }
        return {tensor.data + static_cast<std::ptrdiff_t>(t) * tensor.time, tensor.row, batch.order};
    }
    template <class U>
    StepRows<U> inner_rows(U* values, std::size_t width, std::size_t t) const {
        return dense_rows(values + offsets_[t] * width, width);
    }
    // `inner`: the outputs of each layer but the last, (active rows, width) each.
    StepRows<const T> x(const Part& part, T* const* inner, std::size_t t) const {
        if (part.layer == 0) return rows(call.x, t);
        return inner_rows<const T>(inner[part.layer - 1], part.input, t);
    }
    StepRows<T> out(const Part& part, T* const* inner, std::size_t t) const {
        if (last(part)) return rows(call.out, t).from(part.column);
        return inner_rows(inner[part.layer], width(), t).from(part.column);
    }
    // Pointers to the state h before step t, for each of the rows.
    void h_prev(const Part& part, T* const* inner, std::size_t t, Range rows, const T** to) const {
        const bool begins = part.reverse() ? t + 1 == batch.steps : t == 0;
        const std::size_t before = part.reverse() ? t + 1 : t - 1;
        const std::size_t known = begins ? rows.first : std::max(rows.first, std::min(rows.last, count(before)));
        if (known > rows.first) out(part, inner, before).fill({rows.first, known}, to);
        const T** const rest = to + (known - rows.first);
        if (call.states[0] == nullptr) {
            std::fill_n(rest, rows.last - known, zeros);
        } else if (known < rows.last) {
            const std::size_t stride = layout.heads * sizes.R;
            const T* const initial = call.states[0] + part.weights * batch.rows * stride + part.head * sizes.R;
            StepRows<const T>{initial, static_cast<std::ptrdiff_t>(stride), batch.order}.fill({known, rows.last}, rest);
        }
        for (std::size_t row = rows.first; batch.resets != nullptr && row < rows.last; ++row) {
            if (is_reset(part, t, row)) to[row - rows.first] = zeros;
        }
    }
    // Whether the state is reset to zero before step t.
    bool is_reset(const Part& part, std::size_t t, std::size_t row) const {
        if (batch.resets == nullptr) return false;
        const std::size_t border = part.reverse() ? t + 1 : t;
        if (border >= batch.steps || row >= count(border)) return false;
        return batch.resets[static_cast<std::ptrdiff_t>(border) * batch.reset_time +
                            static_cast<std::ptrdiff_t>(callers_row(row)) * batch.reset_row] != 0;
    }
    template <class U>
    U* state(U* states, const Part& part, std::size_t size, std::size_t row) const {
        return states + ((part.weights * batch.rows + callers_row(row)) * layout.heads + part.head) * size;
    }

    std::size_t cell_states() const { return static_cast<std::size_t>(plan.cell_states); }
    bool masked(const Part& part) const { return !call.dropout.empty() && call.dropout[part.weights] != nullptr; }
    const T* recurrent_mask(const Part& part, std::size_t row) const {
        return call.dropout[part.weights] + (callers_row(row) * layout.heads + part.head) * sizes.R;
    }
    Zoneout<T> zoneout(std::size_t state, const std::uint8_t* const* rows) const {
        const bool on = !layout.zoneout.empty();
        return {on, on ? static_cast<T>(layout.zoneout[state]) : T(0), rows};
    }
    bool zoneout_masks() const { return !call.zoneout.empty(); }
    const std::uint8_t* zoneout_mask(const Part& part, std::size_t state, std::size_t t, std::size_t row) const {
        const std::size_t size = state == 0 ? sizes.R : sizes.H;
        const std::size_t before = (t * batch.rows + callers_row(row)) * layout.heads + part.head;
        return call.zoneout[part.weights * (1 + cell_states()) + state] + before * size;
    }

private:
    std::size_t* offsets_;
};

}  // namespace elman
