#include "backward.h"
#include "panels.h"

namespace elman {

namespace {

// Panels take turns among so many places to sum gradients in, and those sums are added up at the end: a thread goes back
// through its panels without waiting for others, and the order of the sums follows from shapes alone.
constexpr std::size_t places = 8;
constexpr std::size_t chunk_bytes = std::size_t{1} << 18;  // of a panel's derivatives by the gates

template <class T>
class BackwardLanes : Lanewise<T> {
    using Base = Lanewise<T>;
    using Base::s_, Base::z_, Base::plan_, Base::panels_, Base::W_, Base::S_, Base::width_;

    struct Weights {
        T **ih, **hh;  // transposed
    };
    // Where the sums of a part go, row by row; null where nobody asks for them.
    struct Sums {
        T **ih, **hh, **b_ih, **b_hh;
    };
    // Of a thread, for the panel that it is at; the gates' derivatives and inputs for a chunk of steps.
    struct Scratch {
        T *h, *direct, *product, *d_c, *d_gates, *x, *d_out, *turns[2], **gate_rows, **rows, **lanes;
        const T **gates, **h_new, **h_prev, **c_prev, **d_out_rows, **from, **left, **right;
    };

public:
    BackwardLanes(const Sequence<T>& sequence, const BackwardCall<T>& call, std::size_t arrays)
        : Base(sequence), call_(call), arrays_(arrays), places_(std::min(places, panels_.count())) {
        Workspace& m = s_.memory;
        clear_gradients(s_, call_, arrays, true);
        weights_ = m.template take<Weights>(s_.parts());
        sums_ = m.template take<Sums>(s_.parts() * places_);
        for (std::size_t p = 0; p < s_.parts(); ++p) {
            const Part part = s_.part(p);
            const PartWeights<const T*> w = s_.weights(part, arrays);
            weights_[p] = {wants_x(part) ? transposed(plan_.x_blocks, plan_.x_gates, w.ih, part.input) : nullptr,
                           transposed(plan_.h_blocks, plan_.h_gates, w.hh, z_.H)};
            const PartWeights<T*> g = gradients(s_, call_, part, arrays);
            for (std::size_t place = 0; place < places_; ++place) {
                const auto sums = [&](int blocks, const int* gates, T* gradient, std::size_t width) {
                    // the first ones are the gradients themselves
                    return place == 0 || gradient == nullptr ? s_.blocks_rows(blocks, gates, gradient, width)
                                                             : zeros(Base::at(blocks), width);
                };
                sums_[p * places_ + place] = {
                    sums(plan_.x_blocks, plan_.x_gates, g.ih, part.input),
                    sums(plan_.h_blocks, plan_.h_gates, g.hh, z_.H), sums(plan_.x_blocks, plan_.x_gates, g.b_ih, 1),
                    one_bias(plan_, g) ? nullptr : sums(plan_.h_blocks, plan_.h_gates, g.b_hh, 1)};
            }
        }
        const std::size_t steps = s_.batch.steps;
        chunk_ = std::min(steps, std::max<std::size_t>(1, chunk_bytes / (S_ * W_ * sizeof(T))));
        widest_ = std::max(width_, call_.d_x.data == nullptr ? 0 : s_.layout.input_size);
        threads_ = s_.threads();
        scratch_ = m.template take<Scratch>(static_cast<std::size_t>(threads_));
        for (int k = 0; k < threads_; ++k) {
            Scratch& c = scratch_[k];
            for (T** values : {&c.h, &c.direct, &c.product, &c.d_c, &c.d_out}) *values = m.template take<T>(z_.H * W_);
            c.d_gates = m.template take<T>(chunk_ * S_ * W_);
            c.x = m.template take<T>(chunk_ * s_.layout.input_size * W_);
            const bool below = s_.layout.num_layers > 1 || call_.d_x.data != nullptr;
            for (T*& turn : c.turns) turn = m.template take<T>(below ? steps * widest_ * W_ : 0);
            c.gate_rows = m.template take<T*>(z_.H);
            c.rows = m.template take<T*>(std::max(widest_, z_.H));
            c.lanes = m.template take<T*>(W_);
            c.from = m.template take<const T*>(W_);
            for (const T*** list : {&c.gates, &c.h_new, &c.h_prev, &c.c_prev, &c.d_out_rows}) {
                *list = m.template take<const T*>(z_.H);
            }
            for (const T*** list : {&c.left, &c.right}) *list = m.template take<const T*>(chunk_);
        }
    }

    void run() {
        run_team(threads_, [this](Team& team) {
            Scratch& c = scratch_[team.rank()];
            const auto rank = static_cast<std::size_t>(team.rank()), size = static_cast<std::size_t>(team.size());
            for (std::size_t place = rank; place < places_; place += size) {
                // from the last panel to the first: what forward wrote last is still in the cache
                const std::size_t own = (panels_.count() - place + places_ - 1) / places_;
                for (std::size_t k = own; k-- > 0;) back(c, place, place + k * places_);
            }
            team.barrier();
            for (std::size_t p = 0; p < s_.parts(); ++p) add_up(team, s_.part(p));
        });
        copy_biases(s_, call_, arrays_);
    }

private:
    bool wants_x(const Part& part) const { return part.layer > 0 || call_.d_x.data != nullptr; }

    T** transposed(int blocks, const int* gates, const T* weight, std::size_t width) const {
        const std::size_t n = Base::at(blocks);
        const T* const* const rows = s_.blocks_rows(blocks, gates, weight, width);
        T* const to = s_.memory.template take<T>(n * width);
        T** const list = s_.memory.template take<T*>(width);
        for (std::size_t k = 0; k < n; ++k) {
            for (std::size_t j = 0; j < width; ++j) to[j * n + k] = rows[k][j];
        }
        Base::point(to, width, n, list);
        return list;
    }

    T** zeros(std::size_t n, std::size_t width) const {
        T** const rows = s_.memory.template take<T*>(n);
        Base::point(s_.memory.template take_zeros<T>(n * width), n, width, rows);
        return rows;
    }

    // The sums of all places, into the first; a part's rows are divided among the threads.
    void add_up(const Team& team, const Part& part) const {
        const Sums* const sums = sums_ + part.number * places_;
        const auto add = [&](T** Sums::* which, int blocks, std::size_t width) {
            if (sums[0].*which == nullptr) return;
            const Span mine = share(Base::at(blocks), 1, team.rank(), team.size());
            for (std::size_t i = mine.first; i < mine.last; ++i) {
                T* const to = (sums[0].*which)[i];
                for (std::size_t place = 1; place < places_; ++place) {
                    const T* const from = (sums[place].*which)[i];
                    for (std::size_t j = 0; j < width; ++j) to[j] += from[j];
                }
            }
        };
        add(&Sums::ih, plan_.x_blocks, part.input);
        add(&Sums::hh, plan_.h_blocks, z_.H);
        add(&Sums::b_ih, plan_.x_blocks, 1);
        add(&Sums::b_hh, plan_.h_blocks, 1);
    }

    // The derivative by what a layer reads of a step: what the layer below gives out.
    T* d_below(const Scratch& c, std::size_t layer, std::size_t t) const {
        return c.turns[layer % 2] + t * widest_ * W_;
    }

    // One panel, through all layers.
    void back(Scratch& c, std::size_t place, std::size_t p) const {
        for (std::size_t layer = s_.layout.num_layers; layer-- > 0;) {
            for (std::size_t d = 0; d < s_.layout.directions; ++d) {
                walk(c, s_.part(layer * s_.layout.directions + d), place, p);
            }
        }
        for (std::size_t t = 0; call_.d_x.data != nullptr && t < s_.batch.steps; ++t) {
            Base::unpack(s_.line(call_.d_x, t), p, s_.layout.input_size, d_below(c, 0, t), c.lanes);
        }
    }

    void walk(Scratch& c, const Part& part, std::size_t place, std::size_t p) const {
        Base::pack_state(s_.call.states[0], part, p, true, c.from, c.h);
        Base::pack_state(call_.d_finals[0], part, p, false, c.from, c.direct);
        if (plan_.cell_state) Base::pack_state(call_.d_finals[1], part, p, false, c.from, c.d_c);
        std::memset(c.product, 0, z_.H * W_ * sizeof(T));
        for (std::size_t end = s_.batch.steps; end > 0;) {
            const std::size_t begin = end > chunk_ ? end - chunk_ : 0;
            for (std::size_t s = end; s-- > begin;) step(c, part, p, s, s - begin);
            sum_gradients(c, part, sums_[part.number * places_ + place], p, begin, end);
            end = begin;
        }
        if (call_.d_states[0] != nullptr) {
            for (std::size_t i = 0; i < z_.H * W_; ++i) c.direct[i] += c.product[i];
            Base::unpack_state(call_.d_states[0], part, p, c.direct, c.lanes);
        }
        if (plan_.cell_state) Base::unpack_state(call_.d_states[1], part, p, c.d_c, c.lanes);
    }

    const T* h_prev(const Scratch& c, const Part& part, std::size_t p, std::size_t s) const {
        return s == 0 ? c.h : Base::kept_out(part.layer, p, s_.step(part, s - 1)) + part.direction * z_.H * W_;
    }

    // `at`: of the step, in the chunk.
    void step(Scratch& c, const Part& part, std::size_t p, std::size_t s, std::size_t at) const {
        const Weights& w = weights_[part.number];
        const std::size_t t = s_.step(part, s), column = part.direction * z_.H;
        T* const d_gates = c.d_gates + at * S_ * W_;
        const T* d_out = nullptr;
        if (!s_.last(part)) {
            d_out = d_below(c, part.layer + 1, t) + column * W_;
        } else if (call_.d_out.data != nullptr) {
            Base::template lanes_of<const T>(s_.line(call_.d_out, t).from(column), p, c.from, false);
            Base::pack(p, c.from, z_.H, c.d_out);
            d_out = c.d_out;
        }
        Base::point(d_gates, z_.H, W_, c.gate_rows);
        Base::template point<const T>(Base::gates(part, p, t), z_.H, W_, c.gates);
        Base::point(h_prev(c, part, p, s), z_.H, W_, c.h_prev);
        if (plan_.cell_state) {
            Base::point(h_prev(c, part, p, s + 1), z_.H, W_, c.h_new);
            Base::template point<const T>(Base::old_cell(part, p, t), z_.H, W_, c.c_prev);
        }
        if (d_out != nullptr) Base::point(d_out, z_.H, W_, c.d_out_rows);
        StepBackward<T> a{};
        a.rows = z_.H, a.hidden = a.last = panels_.lanes(p), a.block = z_.H * W_, a.stride = W_;
        a.gates = c.gates, a.d_gates = c.gate_rows, a.h_prev = c.h_prev, a.c_prev = c.c_prev;
        a.d_out = d_out == nullptr ? nullptr : c.d_out_rows;
        a.direct = c.direct, a.product = c.product, a.d_c = c.d_c, a.h = plan_.cell_state ? c.h_new : nullptr;
        s_.cell.backward[0](a);

        if (s > 0 || call_.d_states[0] != nullptr) {  // else nobody asks for it
            Base::point(c.product, z_.H, W_, c.rows);
            Base::multiply(p, z_.H, {w.hh, Base::at(plan_.h_blocks), d_gates + Base::at(plan_.h_first) * W_}, c.rows,
                           nullptr, false);
        }
        if (wants_x(part)) {
            Base::point(d_below(c, part.layer, t), part.input, W_, c.rows);
            Base::multiply(p, part.input, {w.ih, Base::at(plan_.x_blocks), d_gates + Base::at(plan_.x_first) * W_},
                           c.rows, nullptr, part.direction == 1);
        }
        if (part.layer == 0 && sums_[part.number * places_].ih != nullptr) {
            Base::template lanes_of<const T>(s_.line(s_.call.x, t), p, c.from, true);
            Base::pack(p, c.from, part.input, c.x + at * part.input * W_);
        }
    }

    // One panel's share of the sums.
    void sum_gradients(Scratch& c, const Part& part, const Sums& to, std::size_t p, std::size_t begin,
                       std::size_t end) const {
        for (std::size_t s = begin; s < end; ++s) {
            c.left[s - begin] = c.d_gates + (s - begin) * S_ * W_;
            c.right[s - begin] = part.layer == 0 ? c.x + (s - begin) * part.input * W_
                                                 : Base::kept_out(part.layer - 1, p, s_.step(part, s));
        }
        const auto sums = [&](int first, int blocks, std::size_t n, T* const* d, T* const* bias) {
            s_.kernels.dots(
                {end - begin, panels_.lanes(p), c.left, Base::at(first), Base::at(blocks), c.right, n, d, bias});
        };
        sums(plan_.x_first, plan_.x_blocks, part.input, to.ih, to.b_ih);
        for (std::size_t s = begin; s < end; ++s) c.right[s - begin] = h_prev(c, part, p, s);
        sums(plan_.h_first, plan_.h_blocks, z_.H, to.hh, to.b_hh);
    }

    const BackwardCall<T>& call_;
    const std::size_t arrays_;
    const std::size_t places_;
    Weights* weights_;
    Sums* sums_;
    Scratch* scratch_;
    std::size_t chunk_, widest_;
    int threads_;
};

}  // namespace

template <class T>
void backward_lanewise(const Sequence<T>& s, const BackwardCall<T>& call, std::size_t arrays) {
    BackwardLanes<T>(s, call, arrays).run();
}

template void backward_lanewise(const Sequence<float>&, const BackwardCall<float>&, std::size_t);
template void backward_lanewise(const Sequence<double>&, const BackwardCall<double>&, std::size_t);

}  // namespace elman
