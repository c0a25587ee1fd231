#include "recurrence/batch_in_lanes/batch_in_lanes.h"
#include "recurrence/batch_in_lanes/panel_loop.h"
#include "recurrence/threading.h"
#include "recurrence/weights.h"

namespace elman {

namespace {

template <class T>
class ForwardInLanes : PanelLoop<T> {
    using Base = PanelLoop<T>;
    using Base::ctx_, Base::sizes_, Base::plan_, Base::panels_, Base::output_is_gate_, Base::W_, Base::S_, Base::width_;
    using typename Base::Factor;

    struct Weights {
        const T *const *ih, *const *hh, *initial_gates;
    };
    struct Scratch {
        T *gates, *x, *h, *c, *outs[2], *last;
        T **gate_rows, **saved_gates, **c_prev, **h_rows, **lanes;
        const T **h_prev, **from;
    };

public:
    ForwardInLanes(const Context<T>& ctx, std::size_t arrays) : Base(ctx) {
        Workspace& m = ctx_.memory;
        weights_ = m.template take<Weights>(ctx_.parts());
        for (std::size_t p = 0; p < ctx_.parts(); ++p) {
            const Part part = ctx_.part(p);
            const PartWeights<const T*> w = weights_of(ctx_, part, arrays);
            weights_[p] = {rows_in_blocks(ctx_, plan_.x_blocks, plan_.x_gates, w.ih, part.input),
                           rows_in_blocks(ctx_, plan_.h_blocks, plan_.h_gates, w.hh, sizes_.R), initial_gates(ctx_, w)};
        }
        threads_ = thread_count(ctx_);
        scratch_ = m.template take<Scratch>(static_cast<std::size_t>(threads_));
        for (int k = 0; k < threads_; ++k) {
            Scratch& c = scratch_[k];
            c.gates = m.template take<T>(S_ * W_);
            c.x = m.template take<T>(ctx_.layout.input_size * W_);
            c.h = m.template take<T>(sizes_.H * W_);
            c.c = m.template take<T>(sizes_.H * W_);
            // in inference: the outputs of a layer and of the one below, of the last layer only two steps
            const std::size_t inner = ctx_.layout.num_layers - 1;
            for (std::size_t k = 0; k < 2; ++k) {
                const bool wanted = ctx_.call.saved == nullptr && k < inner;
                c.outs[k] = m.template take<T>(wanted ? ctx_.batch.steps * width_ * W_ : 0);
            }
            c.last = m.template take<T>(2 * width_ * W_);
            c.gate_rows = m.template take<T*>(S_);
            Base::point_rows(c.gates, S_, W_, c.gate_rows);
            for (T*** list : {&c.saved_gates, &c.c_prev, &c.h_rows}) *list = m.template take<T*>(sizes_.H);
            c.h_prev = m.template take<const T*>(sizes_.H);
            c.lanes = m.template take<T*>(W_);
            c.from = m.template take<const T*>(W_);
        }
    }

    void run() {
        run_team(threads_, [this](Team& team) {
            const Range mine = share(panels_.count(), 1, team.rank(), team.size());
            for (std::size_t p = mine.first; p < mine.last; ++p) {
                for (std::size_t k = 0; k < ctx_.parts(); ++k) time_loop(scratch_[team.rank()], ctx_.part(k), p);
            }
        });
    }

private:
    T* out(const Scratch& c, std::size_t layer, std::size_t p, std::size_t t) const {
        if (ctx_.call.saved != nullptr) return Base::saved_out(layer, p, t);
        if (layer + 1 == ctx_.layout.num_layers) return c.last + t % 2 * width_ * W_;
        return c.outs[layer % 2] + t * width_ * W_;
    }

    void time_loop(Scratch& c, const Part& part, std::size_t p) const {
        const Weights& w = weights_[part.number];
        const bool training = ctx_.call.saved != nullptr;
        Base::pack_state(ctx_.call.states[0], part, p, true, c.from, c.h);
        if (plan_.cell_states) Base::pack_state(ctx_.call.states[1], part, p, true, c.from, c.c);
        const std::size_t column = part.direction * sizes_.H;
        const T* h_prev = c.h;
        for (std::size_t s = 0; s < ctx_.batch.steps; ++s) {
            const std::size_t t = ctx_.step(part, s);
            const T* x = c.x;
            if (part.layer > 0) {
                x = out(c, part.layer - 1, p, t);
            } else {
                Base::template lanes_of<const T>(ctx_.rows(ctx_.call.x, t), p, c.from, true);
                Base::pack(p, c.from, part.input, c.x);
            }
            T* const h = out(c, part.layer, p, t) + column * W_;
            multiply(p, w, {nullptr, part.input, x}, {nullptr, sizes_.H, h_prev}, c.gate_rows);
            Base::point_rows(h_prev, sizes_.H, W_, c.h_prev);
            Base::point_rows(h, sizes_.H, W_, c.h_rows);
            const bool saves_gates = training && !output_is_gate_;
            if (saves_gates) Base::point_rows(Base::gates(part, p, t), sizes_.H, W_, c.saved_gates);
            if (training && plan_.cell_states) Base::point_rows(Base::old_cell(part, p, t), sizes_.H, W_, c.c_prev);
            StepForward<T> a{};
            a.rows = sizes_.H, a.hidden = a.last = panels_.lanes(p), a.block = sizes_.H * W_, a.stride = W_;
            a.gates = c.gate_rows, a.saved = saves_gates ? c.saved_gates : nullptr, a.h_prev = c.h_prev, a.h = c.h_rows;
            a.c = c.c, a.c_prev = c.c_prev, a.option = static_cast<T>(ctx_.layout.option);
            ctx_.cell.forward[0](a);
            if (ctx_.last(part)) Base::unpack(ctx_.rows(ctx_.call.out, t).from(column), p, sizes_.H, h, c.lanes);
            h_prev = h;
        }
        Base::unpack_state(ctx_.call.finals[0], part, p, h_prev, c.lanes);
        if (plan_.cell_states) Base::unpack_state(ctx_.call.finals[1], part, p, c.c, c.lanes);
    }

    // The pre-activations: one matmul for each run of blocks with the same products, of the input, the state or both.
    void multiply(std::size_t p, const Weights& w, Factor x, Factor h, T* const* gates) const {
        const auto in = [](int block, int first, int blocks) { return block >= first && block < first + blocks; };
        const auto of_x = [&](int block) { return in(block, plan_.x_first, plan_.x_blocks); };
        const auto of_h = [&](int block) { return in(block, plan_.h_first, plan_.h_blocks); };
        for (int first = 0, last = 1; first < plan_.blocks; first = last++) {
            while (last < plan_.blocks && of_x(last) == of_x(first) && of_h(last) == of_h(first)) ++last;
            if (!of_x(first) && !of_h(first)) continue;
            if (of_x(first)) x.a = w.ih + Base::at(first - plan_.x_first);
            if (of_h(first)) h.a = w.hh + Base::at(first - plan_.h_first);
            Base::multiply(p, Base::at(last - first), of_x(first) ? x : h, gates + Base::at(first),
                           w.initial_gates + Base::at(first), false, of_x(first) && of_h(first) ? h : Factor{});
        }
    }

    Weights* weights_;
    Scratch* scratch_;
    int threads_;
};

}  // namespace

template <class T>
void run_forward_in_lanes(const Context<T>& ctx, std::size_t arrays) {
    ForwardInLanes<T>(ctx, arrays).run();
}

template void run_forward_in_lanes(const Context<float>&, std::size_t);
template void run_forward_in_lanes(const Context<double>&, std::size_t);

}  // namespace elman
