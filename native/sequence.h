// What forward and backward share: where each row of each step lies, how the work is divided, and the packed weights.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "layers.h"
#include "threads.h"
#include "workspace.h"

namespace elman {

// Bytes of a processor's second cache, 0 where the system does not tell.
inline std::size_t second_cache() {
#if defined(_SC_LEVEL2_CACHE_SIZE)
    static const long size = sysconf(_SC_LEVEL2_CACHE_SIZE);
    return size > 0 ? static_cast<std::size_t>(size) : 0;
#else
    return 0;
#endif
}

inline std::size_t rounded(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }

struct Span {
    std::size_t first, last;
    std::size_t size() const { return last - first; }
};

// The share of `rank` among `size` of n things, in multiples of `step`.
inline Span share(std::size_t n, std::size_t step, int rank, int size) {
    const std::size_t pieces = (n + step - 1) / step;
    const auto at = [&](int r) {
        return std::min(n, pieces * static_cast<std::size_t>(r) / static_cast<std::size_t>(size) * step);
    };
    return {at(rank), at(rank + 1)};
}

struct Part {
    std::size_t number, layer, direction, input;
    bool reverse() const { return direction == 1; }
};

// Where the rows of one step lie.
template <class U>
struct Line {
    U* base;
    std::ptrdiff_t stride;
    const std::int64_t* order;

    U* operator[](std::size_t row) const {
        return base +
               (order == nullptr ? static_cast<std::ptrdiff_t>(row) : static_cast<std::ptrdiff_t>(order[row])) * stride;
    }
    Line from(std::size_t column) const { return {base + column, stride, order}; }
    template <class P>
    void fill(Span rows, P* to) const {
        if (order == nullptr) {
            U* at = base + static_cast<std::ptrdiff_t>(rows.first) * stride;
            for (std::size_t row = rows.first; row < rows.last; ++row, at += stride) *to++ = at;
        } else {
            for (std::size_t row = rows.first; row < rows.last; ++row) *to++ = (*this)[row];
        }
    }
};

// Sizes of a stack.
template <class T>
struct Sizes {
    std::size_t H, R, S;  // hidden, recurrent, a row of gates
    std::size_t Hs, Rs;   // from row to row where rows are H or R long and written in place: whole vectors
    std::size_t lanes, panel;

    Sizes(const Layout& layout, const CellPlan& plan, const KernelsOf<T>& kernels)
        : H(layout.hidden_size),
          R(layout.proj_size ? layout.proj_size : layout.hidden_size),
          S(apart(static_cast<std::size_t>(plan.blocks) * H)),
          Hs(rounded(H, kernels.lanes)),
          Rs(rounded(R, kernels.lanes)),
          lanes(kernels.lanes),
          panel(kernels.panel) {}

    // Rows a multiple of a page apart would all fall into the same few sets of the cache.
    static std::size_t apart(std::size_t n) { return n * sizeof(T) % 2048 == 0 ? n + 64 / sizeof(T) : n; }
    std::size_t panels(std::size_t columns) const { return (columns + panel - 1) / panel; }
};

// A part's weights, named. Pointers to const for reading, else to gradients.
template <class P>
struct PartWeights {
    P ih{}, hh{}, b_ih{}, b_hh{}, extra[max_extra]{}, gain_ih{}, gain_hh{}, hr{};

    PartWeights(const P* from, const Layout& layout, const CellPlan& plan) {
        ih = *from++;
        hh = *from++;
        if (layout.bias) b_ih = *from++, b_hh = *from++;
        for (int k = 0; k < plan.extra; ++k) extra[k] = *from++;
        if (layout.layer_norm) gain_ih = *from++, gain_hh = *from++;
        if (layout.proj_size) hr = *from++;
    }
};

// What backward finds of a part, in the caller's buffer; null where nothing is kept.
template <class T>
struct Saved {
    T *gates, *c_prev, *hat_x, *hat_h, *inverse_x, *inverse_h, *hidden, *out;
};

// Columns of the panels of a matrix that single rows are multiplied with. They read it as fast as the caches bring it, and
// a large one comes faster as one stream than as several.
template <class T>
std::size_t row_width(const KernelsOf<T>& kernels, std::size_t k, std::size_t n) {
    return k * n * sizeof(T) > (std::size_t{3} << 17) ? kernels.row_panel : kernels.panel;
}

// Elements of one copy of all panels.
template <class T>
std::size_t packed_size(const Packing<T>& whole) {
    return whole.last * whole.width * whole.k;
}

// The copy for step s. Steps go through the panels by turns from first to last and back: a copy serves two of them, for
// the second then finds in the first cache what the first has read last.
template <class T>
const T* copy_for(const Packing<T>& p, std::size_t s) {
    return p.packed + s / 2 % p.copies * packed_size(p);
}

// What is packed of a part; products that its cell or layout does not have are empty.
template <class T>
struct PackedWeights {
    Packing<T> ih{}, hh[2]{}, hr{};
};

// A thread's share of the packing, in all copies; that of the input's weights only where they are wanted.
template <class T>
void pack(const PackedWeights<T>& weights, void (*pack_one)(const Packing<T>&), int rank, int size,
          bool wants_x = true) {
    for (const Packing<T>* whole : {&weights.ih, &weights.hh[0], &weights.hh[1], &weights.hr}) {
        if (whole->last == 0 || (whole == &weights.ih && !wants_x)) continue;
        Packing<T> mine = *whole;
        const Span panels = share(whole->last, 1, rank, size);
        mine.first = panels.first, mine.last = panels.last;
        pack_one(mine);
        const std::size_t panel = mine.width * mine.k;
        T* const first = mine.packed + mine.first * panel;
        for (std::size_t copy = 1; copy < mine.copies; ++copy) {
            std::memcpy(first + copy * packed_size(*whole), first, panels.size() * panel * sizeof(T));
        }
    }
}

template <class T>
class Sequence {
public:
    const Layout& layout;
    const CellPlan& plan;
    const KernelsOf<T>& kernels;
    const CellKernels<T>& cell;
    const Batch& batch;
    const ForwardCall<T>& call;
    const Sizes<T> sizes;
    Workspace& memory;

    Sequence(const Layout& layout, const KernelsOf<T>& kernels, const CellKernels<T>& cell, const Batch& batch,
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

    const T* zeros;  // a row of them

    std::size_t count(std::size_t t) const {
        return batch.counts == nullptr ? batch.rows : static_cast<std::size_t>(batch.counts[t]);
    }
    std::size_t index(std::size_t t, std::size_t row) const { return offsets_[t] + row; }
    // Whether a cell's only gate is its output: backward then finds the one in the other's place. Where a mask has kept an
    // old output instead, no derivative goes through the gate; a share of the old one, without masks, would hide it.
    bool output_is_gate() const { return plan.blocks == 1 && (layout.zoneout.empty() || zone_masks()); }
    std::size_t saved_size() const {
        const auto of = [&](std::size_t width) { return rounded(active() * width, sizes.panel); };
        std::size_t part = output_is_gate() ? 0 : of(sizes.S);
        if (plan.cell_state) part += of(sizes.H);
        if (layout.layer_norm) {
            for (const int blocks : {plan.x_blocks, plan.h_blocks}) {
                part += of(static_cast<std::size_t>(blocks) * sizes.H) + of(static_cast<std::size_t>(blocks));
            }
        }
        if (layout.proj_size) part += of(sizes.H);
        return parts() * part + (layout.num_layers - 1) * of(layout.directions * sizes.R);
    }
    std::size_t active() const { return offsets_[batch.steps]; }
    std::size_t callers_row(std::size_t row) const {
        return batch.order == nullptr ? row : static_cast<std::size_t>(batch.order[row]);
    }
    // The step at position s of the walk.
    std::size_t step(const Part& part, std::size_t s) const { return part.reverse() ? batch.steps - 1 - s : s; }

    std::size_t parts() const { return layout.num_layers * layout.directions; }
    Part part(std::size_t number) const {
        const std::size_t layer = number / layout.directions;
        return {number, layer, number % layout.directions,
                layer == 0 ? layout.input_size : layout.directions * sizes.R};
    }
    bool last(const Part& part) const { return part.layer + 1 == layout.num_layers; }

    template <class U>
    Line<U> line(const Rows<U>& rows, std::size_t t) const {
        if (batch.packed) return {rows.data + static_cast<std::ptrdiff_t>(offsets_[t]) * rows.row, rows.row, nullptr};
        return {rows.data + static_cast<std::ptrdiff_t>(t) * rows.time, rows.row, batch.order};
    }
    template <class U>
    Line<U> inner_line(U* values, std::size_t width, std::size_t t) const {
        return {values + offsets_[t] * width, static_cast<std::ptrdiff_t>(width), nullptr};
    }
    // inner: outputs of each layer but the last, (active rows, directions · R) each.
    Line<const T> x(const Part& part, T* const* inner, std::size_t t) const {
        if (part.layer == 0) return line(call.x, t);
        return inner_line<const T>(inner[part.layer - 1], part.input, t);
    }
    Line<T> out(const Part& part, T* const* inner, std::size_t t) const {
        const std::size_t column = part.direction * sizes.R;
        if (last(part)) return line(call.out, t).from(column);
        return inner_line(inner[part.layer], layout.directions * sizes.R, t).from(column);
    }
    // Pointers to the state that each of the rows comes with to step t.
    void h_prev(const Part& part, T* const* inner, std::size_t t, Span rows, const T** to) const {
        const bool begins = part.reverse() ? t + 1 == batch.steps : t == 0;
        const std::size_t before = part.reverse() ? t + 1 : t - 1;
        const std::size_t known = begins ? rows.first : std::max(rows.first, std::min(rows.last, count(before)));
        if (known > rows.first) out(part, inner, before).fill({rows.first, known}, to);
        const T** const rest = to + (known - rows.first);
        if (call.states[0] == nullptr) {
            std::fill_n(rest, rows.last - known, zeros);
        } else if (known < rows.last) {
            const T* const initial = call.states[0] + part.number * batch.rows * sizes.R;
            Line<const T>{initial, static_cast<std::ptrdiff_t>(sizes.R), batch.order}.fill({known, rows.last}, rest);
        }
        for (std::size_t row = rows.first; batch.resets != nullptr && row < rows.last; ++row) {
            if (fresh(part, t, row)) to[row - rows.first] = zeros;
        }
    }
    // Whether the state is set to zero before this step.
    bool fresh(const Part& part, std::size_t t, std::size_t row) const {
        if (batch.resets == nullptr) return false;
        const std::size_t border = part.reverse() ? t + 1 : t;
        if (border >= batch.steps || row >= count(border)) return false;
        return batch.resets[static_cast<std::ptrdiff_t>(border) * batch.reset_time +
                            static_cast<std::ptrdiff_t>(callers_row(row)) * batch.reset_row] != 0;
    }
    template <class U>
    U* state(U* states, const Part& part, std::size_t size, std::size_t row) const {
        return states + (part.number * batch.rows + callers_row(row)) * size;
    }
    const T* recurrent_mask(const Part& part, std::size_t row) const {
        return call.dropout[part.number] + callers_row(row) * sizes.R;
    }
    bool masked(const Part& part) const { return !call.dropout.empty() && call.dropout[part.number] != nullptr; }

    std::size_t state_size(std::size_t k) const { return k == 0 ? sizes.R : sizes.H; }
    Zone<T> zone(std::size_t state, const std::uint8_t* const* rows) const {
        const bool on = !layout.zoneout.empty();
        return {on, on ? static_cast<T>(layout.zoneout[state]) : T(0), rows};
    }
    bool zone_masks() const { return !call.zoneout.empty(); }
    const std::uint8_t* zone_mask(const Part& part, std::size_t state, std::size_t t, std::size_t row) const {
        const std::size_t states = plan.cell_state ? 2 : 1;
        return call.zoneout[part.number * states + state] + (t * batch.rows + callers_row(row)) * state_size(state);
    }

    PartWeights<const T*> weights(const Part& part, std::size_t arrays) const {
        return {call.weights.data() + part.number * arrays, layout, plan};
    }

    // Takes what a part keeps from `buffer` on, and moves it behind.
    Saved<T> saved(const Part& part, T*& buffer) const {
        const std::size_t n = active();
        const auto take = [&](bool wanted, std::size_t width) -> T* {
            if (!wanted) return nullptr;
            T* const at = buffer;
            buffer += rounded(n * width, sizes.panel);  // each begins on a vector
            return at;
        };
        Saved<T> s;
        s.gates = take(!output_is_gate(), sizes.S);  // null: the outputs
        s.c_prev = take(plan.cell_state, sizes.H);
        s.hat_x = take(layout.layer_norm, plan.x_blocks * sizes.H);
        s.hat_h = take(layout.layer_norm, plan.h_blocks * sizes.H);
        s.inverse_x = take(layout.layer_norm, plan.x_blocks);
        s.inverse_h = take(layout.layer_norm, plan.h_blocks);
        s.hidden = take(layout.proj_size != 0, sizes.H);
        s.out = take(part.direction == 0 && !last(part), layout.directions * sizes.R);
        return s;
    }

    // A row of blocks · H values, from the gates' own; blocks that have no such gate are 0.
    T* blocks_row(int blocks, const int* gates, const T* values) const {
        T* const row = memory.take_zeros<T>(static_cast<std::size_t>(blocks) * sizes.H);
        for (int k = 0; k < blocks && values != nullptr; ++k) {
            std::memcpy(row + static_cast<std::size_t>(k) * sizes.H,
                        values + static_cast<std::size_t>(gates[k]) * sizes.H, sizes.H * sizeof(T));
        }
        return row;
    }
    // What the blocks begin with: their biases, where no normalisation comes between.
    const T* start(const PartWeights<const T*>& w) const {
        T* const row = memory.take_zeros<T>(sizes.S);
        const auto add = [&](int first, int blocks, const int* gates, const T* bias) {
            if (bias == nullptr || layout.layer_norm) return;
            for (int k = 0; k < blocks; ++k) {
                T* const to = row + static_cast<std::size_t>(first + k) * sizes.H;
                const T* const from = bias + static_cast<std::size_t>(gates[k]) * sizes.H;
                for (std::size_t j = 0; j < sizes.H; ++j) to[j] += from[j];
            }
        };
        add(plan.x_first, plan.x_blocks, plan.x_gates, w.b_ih);
        add(plan.h_first, plan.h_blocks, plan.h_gates, w.b_hh);
        return row;
    }
    // Pointers to the rows of weights, or of their gradients, in the order of the blocks' units.
    template <class U>
    U** blocks_rows(int blocks, const int* gates, U* weight, std::size_t width) const {
        if (weight == nullptr) return nullptr;
        const std::size_t n = static_cast<std::size_t>(blocks) * sizes.H;
        U** const rows = memory.take<U*>(n);
        for (std::size_t k = 0; k < n; ++k) {
            const std::size_t unit = k % sizes.H, gate = static_cast<std::size_t>(gates[k / sizes.H]);
            rows[k] = weight + (gate * sizes.H + unit) * width;
        }
        return rows;
    }
    Packing<T> packing(const T* const* rows, std::size_t k, std::size_t n, bool single_rows) const {
        const std::size_t number = single_rows ? copies(k, n) : 1;
        const std::size_t width = single_rows ? number > 1 ? kernels.panel : row_width(kernels, k, n) : kernels.panel,
                          panels = (n + width - 1) / width;
        return {rows, k, n, nullptr, 0, panels, nullptr, width, number};
    }
    // Copies of a matrix that single rows are multiplied with, for the steps to take by turns. AMD's Zen 5 reads from 512
    // KiB up, again and again, at 1.3 times the speed of less, as long as it fits in the second cache: what a few copies
    // make so large is copied, if steps enough follow to pay for it. Less is in the first cache, for a good part.
    std::size_t copies(std::size_t k, std::size_t n) const {
        constexpr std::size_t least = std::size_t{1} << 19, most = least / 8 * 11, few = 5, steps = 32;
        const int members = threads();
        const std::size_t size = std::max<std::size_t>(1, k * n * sizeof(T) / (by_units(members) ? members : 1));
        const std::size_t number = (least + size - 1) / size;
        const bool pays = number <= few && number * size <= most && batch.steps >= steps * number;
        return pays && second_cache() >= 2 * least ? number : 1;
    }
    // Memory for what is to be packed, each part's own; or, `by_turns`, one for all: less of it is then touched.
    template <class W>
    void place(W* weights, bool by_turns) const {
        std::size_t most = 0;
        for (int round = 0; round < 2; ++round) {  // the first one counts
            T* const memory_of_all = round == 0 ? nullptr : memory.take<T>(most);
            std::size_t at = 0;
            for (std::size_t p = 0; p < parts(); ++p) {
                if (by_turns) at = 0;
                PackedWeights<T>& w = weights[p];
                for (Packing<T>* packing : {&w.ih, &w.hh[0], &w.hh[1], &w.hr}) {
                    if (round > 0) packing->packed = memory_of_all + at;
                    at += packing->copies * packed_size(*packing) + 64 / sizeof(T);
                }
                most = std::max(most, at);
            }
        }
    }
    // How the threads share the recurrence: by rows, each walking all steps of its own; or, where rows are too few, by
    // units, meeting twice a step.
    bool by_units(int threads) const {
        const std::size_t weights = static_cast<std::size_t>(plan.h_blocks) * sizes.H * sizes.R * sizeof(T);
        return threads > 1 && batch.rows < 8 && !layout.layer_norm && !layout.proj_size &&
               weights >= (std::size_t{1} << 18);
    }
    int threads() const {
        double work = 0;
        for (std::size_t p = 0; p < parts(); ++p) {
            work += static_cast<double>(active()) * static_cast<double>(sizes.S) *
                    static_cast<double>(part(p).input + sizes.R);
        }
        return work < 3e6 ? 1 : std::max(1, batch.threads);  // about as long as it takes to wake a thread, twice
    }
    // Rows of nearly equal numbers of steps, of all or of those from `begin` to `end`.
    Span rows_of(int rank, int size) const { return rows_of(rank, size, 0, batch.steps); }
    Span rows_of(int rank, int size, std::size_t begin, std::size_t end) const {
        if (batch.counts == nullptr) return share(batch.rows, 1, rank, size);
        const auto border = [&](int r) {
            const std::size_t work = offsets_[end] - offsets_[begin];
            const std::size_t goal = work * static_cast<std::size_t>(r) / static_cast<std::size_t>(size);
            std::size_t row = 0, before = 0;
            for (std::size_t t = end; row < batch.rows && before < goal; ++row) {
                while (count(t - 1) <= row) --t;
                if (before + (t - begin) / 2 >= goal) break;  // nearer without this row
                before += t - begin;
            }
            return row;
        };
        return {border(rank), rank + 1 == size ? batch.rows : border(rank + 1)};
    }
    // Sets the rows of padded steps to zero, a thread every so many steps: later ones have more of them.
    void clear_padding(const Team& team, const Rows<T>& rows, std::size_t width) const {
        if (batch.counts == nullptr || batch.packed) return;
        for (auto t = static_cast<std::size_t>(team.rank()); t < batch.steps;
             t += static_cast<std::size_t>(team.size())) {
            const Line<T> at = line(rows, t);
            for (std::size_t row = count(t); row < batch.rows; ++row) std::memset(at[row], 0, width * sizeof(T));
        }
    }
    Span active_rows(Span rows, std::size_t t) const {
        const std::size_t last = std::max(rows.first, std::min(rows.last, count(t)));
        return {rows.first, last};
    }

private:
    std::size_t* offsets_;
};

}  // namespace elman
