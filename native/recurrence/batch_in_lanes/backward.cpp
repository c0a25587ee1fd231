#include "recurrence/batch_in_lanes/batch_in_lanes.h"
#include "recurrence/batch_in_lanes/panel_loop.h"
#include "recurrence/gradients.h"
#include "recurrence/threading.h"

namespace elman {

namespace {

template <class T>
class BackwardInLanes : PanelLoop<T> {
    using Base = PanelLoop<T>;
    using Base::ctx_, Base::sizes_, Base::plan_, Base::panels_, Base::W_, Base::S_, Base::width_;

    struct Weights {
        T **ih, **hh;  // transposed
    };
    // A part's weight gradients in one slot, row by row; null if not wanted.
    struct Sums {
        T **ih, **hh, **b_ih, **b_hh;
    };
    // A thread's buffers for its current panel; gate gradients and inputs for a chunk of steps.
    struct Scratch {
        T *h, *direct, *product, *d_c, *d_gates, *x, *d_out, *turns[2], **gate_rows, **rows, **lanes;
        const T **gates, **h_new, **h_prev, **c_prev, **d_out_rows, **from, **left, **right;
    };

public:
    BackwardInLanes(const Context<T>& ctx, const BackwardCall<T>& call, std::size_t arrays)
        : Base(ctx), call_(call), arrays_(arrays), slots_(std::min(tuning::gradient_slots, panels_.count())) {
        Workspace& m = ctx_.memory;
        clear_gradients(ctx_, call_, arrays, true);
        weights_ = m.template take<Weights>(ctx_.parts());
        sums_ = m.template take<Sums>(ctx_.parts() * slots_);
        for (std::size_t p = 0; p < ctx_.parts(); ++p) {
            const Part part = ctx_.part(p);
            const PartWeights<const T*> w = weights_of(ctx_, part, arrays);
            weights_[p] = {wants_x(part) ? transposed(plan_.x_blocks, plan_.x_gates, w.ih, part.input) : nullptr,
                           transposed(plan_.h_blocks, plan_.h_gates, w.hh, sizes_.H)};
            const PartWeights<T*> g = gradients_of(ctx_, call_, part, arrays);
            for (std::size_t slot = 0; slot < slots_; ++slot) {
                const auto sums = [&](int blocks, const int* gates, T* gradient, std::size_t width) {
                    // the first slot is the gradients themselves
                    return slot == 0 || gradient == nullptr ? rows_in_blocks(ctx_, blocks, gates, gradient, width)
                                                            : zeros(Base::at(blocks), width);
                };
                sums_[p * slots_ + slot] = {
                    sums(plan_.x_blocks, plan_.x_gates, g.ih, part.input),
                    sums(plan_.h_blocks, plan_.h_gates, g.hh, sizes_.H), sums(plan_.x_blocks, plan_.x_gates, g.b_ih, 1),
                    one_bias(plan_, g) ? nullptr : sums(plan_.h_blocks, plan_.h_gates, g.b_hh, 1)};
            }
        }
        const std::size_t steps = ctx_.batch.steps;
        chunk_ = std::min(steps, std::max<std::size_t>(1, tuning::lanes_chunk_bytes / (S_ * W_ * sizeof(T))));
        widest_ = std::max(width_, call_.d_x.data == nullptr ? 0 : ctx_.layout.input_size);
        threads_ = thread_count(ctx_);
        scratch_ = m.template take<Scratch>(static_cast<std::size_t>(threads_));
        for (int k = 0; k < threads_; ++k) {
            Scratch& c = scratch_[k];
            for (T** values : {&c.h, &c.direct, &c.product, &c.d_c, &c.d_out})
                *values = m.template take<T>(sizes_.H * W_);
            c.d_gates = m.template take<T>(chunk_ * S_ * W_);
            c.x = m.template take<T>(chunk_ * ctx_.layout.input_size * W_);
            const bool below = ctx_.layout.num_layers > 1 || call_.d_x.data != nullptr;
            for (T*& turn : c.turns) turn = m.template take<T>(below ? steps * widest_ * W_ : 0);
            c.gate_rows = m.template take<T*>(sizes_.H);
            c.rows = m.template take<T*>(std::max(widest_, sizes_.H));
            c.lanes = m.template take<T*>(W_);
            c.from = m.template take<const T*>(W_);
            for (const T*** list : {&c.gates, &c.h_new, &c.h_prev, &c.c_prev, &c.d_out_rows}) {
                *list = m.template take<const T*>(sizes_.H);
            }
            for (const T*** list : {&c.left, &c.right}) *list = m.template take<const T*>(chunk_);
        }
    }

    void run() {
        run_team(threads_, [this](Team& team) {
            Scratch& c = scratch_[team.rank()];
            const auto rank = static_cast<std::size_t>(team.rank()), size = static_cast<std::size_t>(team.size());
            for (std::size_t slot = rank; slot < slots_; slot += size) {
                // from the last panel to the first, since what forward wrote last is still in the cache
                const std::size_t own = (panels_.count() - slot + slots_ - 1) / slots_;
                for (std::size_t k = own; k-- > 0;) run_panel(c, slot, slot + k * slots_);
            }
            team.barrier();
            for (std::size_t p = 0; p < ctx_.parts(); ++p) add_up(team, ctx_.part(p));
        });
        copy_biases(ctx_, call_, arrays_);
    }

private:
    bool wants_x(const Part& part) const { return part.layer > 0 || call_.d_x.data != nullptr; }

    T** transposed(int blocks, const int* gates, const T* weight, std::size_t width) const {
        const std::size_t n = Base::at(blocks);
        const T* const* const rows = rows_in_blocks(ctx_, blocks, gates, weight, width);
        T* const to = ctx_.memory.template take<T>(n * width);
        T** const list = ctx_.memory.template take<T*>(width);
        for (std::size_t k = 0; k < n; ++k) {
            for (std::size_t j = 0; j < width; ++j) to[j * n + k] = rows[k][j];
        }
        Base::point_rows(to, width, n, list);
        return list;
    }

    T** zeros(std::size_t n, std::size_t width) const {
        T** const rows = ctx_.memory.template take<T*>(n);
        Base::point_rows(ctx_.memory.template take_zeros<T>(n * width), n, width, rows);
        return rows;
    }

    // Adds all slots to the first; threads divide a part's rows.
    void add_up(const Team& team, const Part& part) const {
        const Sums* const sums = sums_ + part.number * slots_;
        const auto add = [&](T** Sums::* which, int blocks, std::size_t width) {
            if (sums[0].*which == nullptr) return;
            const Range mine = share(Base::at(blocks), 1, team.rank(), team.size());
            for (std::size_t i = mine.first; i < mine.last; ++i) {
                T* const to = (sums[0].*which)[i];
                for (std::size_t slot = 1; slot < slots_; ++slot) {
                    const T* const from = (sums[slot].*which)[i];
                    for (std::size_t j = 0; j < width; ++j) to[j] += from[j];
                }
            }
        };
        add(&Sums::ih, plan_.x_blocks, part.input);
        add(&Sums::hh, plan_.h_blocks, sizes_.H);
        add(&Sums::b_ih, plan_.x_blocks, 1);
        add(&Sums::b_hh, plan_.h_blocks, 1);
    }

    // The gradient of a layer's inputs at a step, which are the outputs of the layer below.
    T* d_below(const Scratch& c, std::size_t layer, std::size_t t) const {
        return c.turns[layer % 2] + t * widest_ * W_;
    }

    // One panel, through all layers.
    void run_panel(Scratch& c, std::size_t slot, std::size_t p) const {
        for (std::size_t layer = ctx_.layout.num_layers; layer-- > 0;) {
            for (std::size_t d = 0; d < ctx_.layout.directions; ++d) {
                time_loop(c, ctx_.part(layer * ctx_.layout.directions + d), slot, p);
            }
        }
        for (std::size_t t = 0; call_.d_x.data != nullptr && t < ctx_.batch.steps; ++t) {
            Base::unpack(ctx_.rows(call_.d_x, t), p, ctx_.layout.input_size, d_below(c, 0, t), c.lanes);
        }
    }

    void time_loop(Scratch& c, const Part& part, std::size_t slot, std::size_t p) const {
        Base::pack_state(ctx_.call.states[0], part, p, true, c.from, c.h);
        Base::pack_state(call_.d_finals[0], part, p, false, c.from, c.direct);
        if (plan_.cell_states) Base::pack_state(call_.d_finals[1], part, p, false, c.from, c.d_c);
        std::memset(c.product, 0, sizes_.H * W_ * sizeof(T));
        for (std::size_t end = ctx_.batch.steps; end > 0;) {
            const std::size_t begin = end > chunk_ ? end - chunk_ : 0;
            for (std::size_t s = end; s-- > begin;) run_step(c, part, p, s, s - begin);
            sum_gradients(c, part, sums_[part.number * slots_ + slot], p, begin, end);
            end = begin;
        }
        if (call_.d_states[0] != nullptr) {
            for (std::size_t i = 0; i < sizes_.H * W_; ++i) c.direct[i] += c.product[i];
            Base::unpack_state(call_.d_states[0], part, p, c.direct, c.lanes);
        }
        if (plan_.cell_states) Base::unpack_state(call_.d_states[1], part, p, c.d_c, c.lanes);
    }

    const T* h_prev(const Scratch& c, const Part& part, std::size_t p, std::size_t s) const {
        return s == 0 ? c.h : Base::saved_out(part.layer, p, ctx_.step(part, s - 1)) + part.direction * sizes_.H * W_;
    }

    // `at`: the step's index in the chunk.
    void run_step(Scratch& c, const Part& part, std::size_t p, std::size_t s, std::size_t at) const {
        const Weights& w = weights_[part.number];
        const std::size_t t = ctx_.step(part, s), column = part.direction * sizes_.H;
        T* const d_gates = c.d_gates + at * S_ * W_;
        const T* d_out = nullptr;
        if (!ctx_.last(part)) {
            d_out = d_below(c, part.layer + 1, t) + column * W_;
        } else if (call_.d_out.data != nullptr) {
            Base::template lanes_of<const T>(ctx_.rows(call_.d_out, t).from(column), p, c.from, false);
            Base::pack(p, c.from, sizes_.H, c.d_out);
            d_out = c.d_out;
        }
        Base::point_rows(d_gates, sizes_.H, W_, c.gate_rows);
        Base::template point_rows<const T>(Base::gates(part, p, t), sizes_.H, W_, c.gates);
        Base::point_rows(h_prev(c, part, p, s), sizes_.H, W_, c.h_prev);
        if (plan_.cell_states) {
            Base::point_rows(h_prev(c, part, p, s + 1), sizes_.H, W_, c.h_new);
            Base::template point_rows<const T>(Base::old_cell(part, p, t), sizes_.H, W_, c.c_prev);
        }
        if (d_out != nullptr) Base::point_rows(d_out, sizes_.H, W_, c.d_out_rows);
        StepBackward<T> a{};
        a.rows = sizes_.H, a.hidden = a.last = panels_.lanes(p), a.block = sizes_.H * W_, a.stride = W_;
        a.gates = c.gates, a.d_gates = c.gate_rows, a.h_prev = c.h_prev, a.c_prev = c.c_prev;
        a.d_out = d_out == nullptr ? nullptr : c.d_out_rows;
        a.direct = c.direct, a.product = c.product, a.d_c = c.d_c, a.h = plan_.cell_states ? c.h_new : nullptr;
        a.option = static_cast<T>(ctx_.layout.option);
        ctx_.cell.backward[0](a);

        if (plan_.h_blocks && (s > 0 || call_.d_states[0] != nullptr)) {  // otherwise nothing needs it
            Base::point_rows(c.product, sizes_.H, W_, c.rows);
            Base::multiply(p, sizes_.H, {w.hh, Base::at(plan_.h_blocks), d_gates + Base::at(plan_.h_first) * W_},
                           c.rows, nullptr, false);
        }
        if (wants_x(part)) {
            Base::point_rows(d_below(c, part.layer, t), part.input, W_, c.rows);
            Base::multiply(p, part.input, {w.ih, Base::at(plan_.x_blocks), d_gates + Base::at(plan_.x_first) * W_},
                           c.rows, nullptr, part.direction == 1);
        }
        if (part.layer == 0 && sums_[part.number * slots_].ih != nullptr) {
            Base::template lanes_of<const T>(ctx_.rows(ctx_.call.x, t), p, c.from, true);
            Base::pack(p, c.from, part.input, c.x + at * part.input * W_);
        }
    }

    // Adds one panel's chunk to its slot.
    void sum_gradients(Scratch& c, const Part& part, const Sums& to, std::size_t p, std::size_t begin,
                       std::size_t end) const {
        for (std::size_t s = begin; s < end; ++s) {
            c.left[s - begin] = c.d_gates + (s - begin) * S_ * W_;
            c.right[s - begin] = part.layer == 0 ? c.x + (s - begin) * part.input * W_
                                                 : Base::saved_out(part.layer - 1, p, ctx_.step(part, s));
        }
        const auto sums = [&](int first, int blocks, std::size_t n, T* const* d, T* const* bias) {
            ctx_.kernels.lane_sums(
                {end - begin, panels_.lanes(p), c.left, Base::at(first), Base::at(blocks), c.right, n, d, bias});
        };
        sums(plan_.x_first, plan_.x_blocks, part.input, to.ih, to.b_ih);
        if (!plan_.h_blocks) return;
        for (std::size_t s = begin; s < end; ++s) c.right[s - begin] = h_prev(c, part, p, s);
        sums(plan_.h_first, plan_.h_blocks, sizes_.H, to.hh, to.b_hh);
    }

    const BackwardCall<T>& call_;
    const std::size_t arrays_;
    const std::size_t slots_;
    Weights* weights_;
    Sums* sums_;
    Scratch* scratch_;
    std::size_t chunk_, widest_;
    int threads_;
};

}  // namespace

template <class T>
void run_backward_in_lanes(const Context<T>& ctx, const BackwardCall<T>& call, std::size_t arrays) {
    BackwardInLanes<T>(ctx, call, arrays).run();
}

template void run_backward_in_lanes(const Context<float>&, const BackwardCall<float>&, std::size_t);
template void run_backward_in_lanes(const Context<double>&, const BackwardCall<double>&, std::size_t);

}  // namespace elman
