#include "panels.h"

namespace elman {

namespace {

template <class T>
class ForwardLanes : Lanewise<T> {
    using Base = Lanewise<T>;
    using Base::s_, Base::z_, Base::plan_, Base::panels_, Base::output_is_gate_, Base::W_, Base::S_, Base::width_;
    using typename Base::Factor;

    struct Weights {
        const T *const *ih, *const *hh, *start;
    };
    struct Scratch {
        T *gates, *x, *h, *c, *outs[2], *last;
        T **gate_rows, **kept, **c_prev, **h_rows, **lanes;
        const T **h_prev, **from;
    };

public:
    ForwardLanes(const Sequence<T>& sequence, std::size_t arrays) : Base(sequence) {
        Workspace& m = s_.memory;
        weights_ = m.template take<Weights>(s_.parts());
        for (std::size_t p = 0; p < s_.parts(); ++p) {
            const Part part = s_.part(p);
            const PartWeights<const T*> w = s_.weights(part, arrays);
            weights_[p] = {s_.blocks_rows(plan_.x_blocks, plan_.x_gates, w.ih, part.input),
                           s_.blocks_rows(plan_.h_blocks, plan_.h_gates, w.hh, z_.R), s_.start(w)};
        }
        threads_ = s_.threads();
        scratch_ = m.template take<Scratch>(static_cast<std::size_t>(threads_));
        for (int k = 0; k < threads_; ++k) {
            Scratch& c = scratch_[k];
            c.gates = m.template take<T>(S_ * W_);
            c.x = m.template take<T>(s_.layout.input_size * W_);
            c.h = m.template take<T>(z_.H * W_);
            c.c = m.template take<T>(z_.H * W_);
            // in inference, the outputs of a layer and of the one below; of the last, two steps'
            const std::size_t inner = s_.layout.num_layers - 1;
            for (std::size_t k = 0; k < 2; ++k) {
                const bool wanted = s_.call.saved == nullptr && k < inner;
                c.outs[k] = m.template take<T>(wanted ? s_.batch.steps * width_ * W_ : 0);
            }
            c.last = m.template take<T>(2 * width_ * W_);
            c.gate_rows = m.template take<T*>(S_);
            Base::point(c.gates, S_, W_, c.gate_rows);
            for (T*** list : {&c.kept, &c.c_prev, &c.h_rows}) *list = m.template take<T*>(z_.H);
            c.h_prev = m.template take<const T*>(z_.H);
            c.lanes = m.template take<T*>(W_);
            c.from = m.template take<const T*>(W_);
        }
    }

    void run() {
        run_team(threads_, [this](Team& team) {
            const Span mine = share(panels_.count(), 1, team.rank(), team.size());
            for (std::size_t p = mine.first; p < mine.last; ++p) {
                for (std::size_t k = 0; k < s_.parts(); ++k) walk(scratch_[team.rank()], s_.part(k), p);
            }
        });
    }

private:
    T* out(const Scratch& c, std::size_t layer, std::size_t p, std::size_t t) const {
        if (s_.call.saved != nullptr) return Base::kept_out(layer, p, t);
        if (layer + 1 == s_.layout.num_layers) return c.last + t % 2 * width_ * W_;
        return c.outs[layer % 2] + t * width_ * W_;
    }

    void walk(Scratch& c, const Part& part, std::size_t p) const {
        const Weights& w = weights_[part.number];
        const bool training = s_.call.saved != nullptr;
        Base::pack_state(s_.call.states[0], part, p, true, c.from, c.h);
        if (plan_.cell_state) Base::pack_state(s_.call.states[1], part, p, true, c.from, c.c);
        const std::size_t column = part.direction * z_.H;
        const T* h_prev = c.h;
        for (std::size_t s = 0; s < s_.batch.steps; ++s) {
            const std::size_t t = s_.step(part, s);
            const T* x = c.x;
            if (part.layer > 0) {
                x = out(c, part.layer - 1, p, t);
            } else {
                Base::template lanes_of<const T>(s_.line(s_.call.x, t), p, c.from, true);
                Base::pack(p, c.from, part.input, c.x);
            }
            T* const h = out(c, part.layer, p, t) + column * W_;
            multiply(p, w, {nullptr, part.input, x}, {nullptr, z_.H, h_prev}, c.gate_rows);
            Base::point(h_prev, z_.H, W_, c.h_prev);
            Base::point(h, z_.H, W_, c.h_rows);
            const bool kept = training && !output_is_gate_;
            if (kept) Base::point(Base::gates(part, p, t), z_.H, W_, c.kept);
            if (training && plan_.cell_state) Base::point(Base::old_cell(part, p, t), z_.H, W_, c.c_prev);
            StepForward<T> a{};
            a.rows = z_.H, a.hidden = a.last = panels_.lanes(p), a.block = z_.H * W_, a.stride = W_;
            a.gates = c.gate_rows, a.kept = kept ? c.kept : nullptr, a.h_prev = c.h_prev, a.h = c.h_rows;
            a.c = c.c, a.c_prev = c.c_prev;
            s_.cell.forward[0](a);
            if (s_.last(part)) Base::unpack(s_.line(s_.call.out, t).from(column), p, z_.H, h, c.lanes);
            h_prev = h;
        }
        Base::unpack_state(s_.call.finals[0], part, p, h_prev, c.lanes);
        if (plan_.cell_state) Base::unpack_state(s_.call.finals[1], part, p, c.c, c.lanes);
    }

    // The pre-activations: blocks that the input and the state both reach, or only one of them, each in one product.
    void multiply(std::size_t p, const Weights& w, Factor x, Factor h, T* const* gates) const {
        const auto in = [](int block, int first, int blocks) { return block >= first && block < first + blocks; };
        const auto of_x = [&](int block) { return in(block, plan_.x_first, plan_.x_blocks); };
        const auto of_h = [&](int block) { return in(block, plan_.h_first, plan_.h_blocks); };
        for (int first = 0, last = 1; first < plan_.blocks; first = last++) {
            while (last < plan_.blocks && of_x(last) == of_x(first) && of_h(last) == of_h(first)) ++last;
            if (of_x(first)) x.a = w.ih + Base::at(first - plan_.x_first);
            if (of_h(first)) h.a = w.hh + Base::at(first - plan_.h_first);
            Base::multiply(p, Base::at(last - first), of_x(first) ? x : h, gates + Base::at(first),
                           w.start + Base::at(first), false, of_x(first) && of_h(first) ? h : Factor{});
        }
    }

    Weights* weights_;
    Scratch* scratch_;
    int threads_;
};

}  // namespace

template <class T>
bool is_lanewise(const Sequence<T>& s) {
    const Layout& layout = s.layout;
    const Batch& batch = s.batch;
    const bool plain = s.plan.phases == 1 && s.plan.extra == 0 && !layout.layer_norm && !layout.proj_size &&
                       layout.zoneout.empty() && s.call.dropout.empty();
    const bool dense = batch.counts == nullptr && batch.order == nullptr && !batch.packed && batch.resets == nullptr;
    if (!plain || !dense) return false;
    const std::size_t H = s.sizes.H, B = batch.rows, lanes = s.sizes.lanes, panel = s.sizes.panel;
    // what is kept is as wide as the panels: not much wider than the rows
    if (3 * rounded(B, lanes) < 2 * rounded(B, panel)) return false;
    // lanes that either walk would compute; the one by rows has the better use of the cache, as long as units are few
    const std::size_t by_rows = rounded(B, lanes) * H, by_units = B * s.sizes.Hs;
    if (H > 2 * lanes) return H < 4 * lanes && 5 * by_rows <= 4 * by_units;
    return by_rows < by_units || (by_rows == by_units && B >= 4 * lanes);
}

template <class T>
std::size_t saved_lanewise(const Sequence<T>& s) {
    return Lanewise<T>(s).saved_size();
}

template <class T>
void forward_lanewise(const Sequence<T>& s, std::size_t arrays) {
    ForwardLanes<T>(s, arrays).run();
}

#define ELMAN_LANEWISE(T)                                    \
    template bool is_lanewise(const Sequence<T>&);           \
    template std::size_t saved_lanewise(const Sequence<T>&); \
    template void forward_lanewise(const Sequence<T>&, std::size_t)
ELMAN_LANEWISE(float);
ELMAN_LANEWISE(double);
#undef ELMAN_LANEWISE

}  // namespace elman
