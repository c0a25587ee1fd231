#include "lanewise.h"

#include "backward.h"

namespace elman {

namespace {

// Panels that go back through all layers before the next ones: the memory between the layers is theirs. With the chunks
// it fixes the order in which gradients are summed, from shapes alone.
constexpr std::size_t group = 8;
constexpr std::size_t chunk_bytes = std::size_t{1} << 18;  // of a panel's derivatives by the gates

// Rows of a batch, divided into panels of whole vectors.
template <class T>
class Panels {
public:
    explicit Panels(const Sequence<T>& s) : rows_(s.batch.rows), count_(s.sizes.panels(rows_)) {
        first_ = s.memory.template take<std::size_t>(count_ + 1);  // asked for too often to be divided each time
        const std::size_t lanes = s.sizes.lanes, vectors = (rows_ + lanes - 1) / lanes;
        for (std::size_t p = 0; p <= count_; ++p) first_[p] = vectors * p / count_ * lanes;
    }

    std::size_t count() const { return count_; }
    std::size_t first(std::size_t p) const { return first_[p]; }
    std::size_t rows(std::size_t p) const { return std::min(first_[p + 1], rows_) - first_[p]; }
    std::size_t lanes(std::size_t p) const { return first_[p + 1] - first_[p]; }

private:
    std::size_t rows_, count_;
    std::size_t* first_;
};

// What both directions of the walk know of a panel.
template <class T>
class Lanewise {
public:
    explicit Lanewise(const Sequence<T>& sequence)
        : s_(sequence),
          z_(sequence.sizes),
          plan_(sequence.plan),
          panels_(sequence),
          output_is_gate_(output_is_gate(s_.layout, plan_)),
          W_(z_.panel),
          S_(static_cast<std::size_t>(plan_.blocks) * z_.H),
          width_(s_.layout.directions * z_.H) {}

    // What forward keeps: gates and old cells of each part, outputs of each layer; panel by panel, step by step.
    std::size_t saved_size() const {
        return s_.parts() * part_size() + s_.layout.num_layers * panels_.count() * s_.batch.steps * width_ * W_;
    }

protected:
    std::size_t part_size() const {
        const std::size_t gates = output_is_gate_ ? 0 : S_;
        return panels_.count() * s_.batch.steps * (gates + (plan_.cell_state ? z_.H : 0)) * W_;
    }
    T* gates(const Part& part, std::size_t p, std::size_t t) const {
        if (output_is_gate_) return kept_out(part.layer, p, t) + part.direction * z_.H * W_;
        return s_.call.saved + part.number * part_size() + (p * s_.batch.steps + t) * S_ * W_;
    }
    T* old_cell(const Part& part, std::size_t p, std::size_t t) const {
        return gates(part, panels_.count(), 0) + (p * s_.batch.steps + t) * z_.H * W_;
    }
    T* kept_out(std::size_t layer, std::size_t p, std::size_t t) const {
        return s_.call.saved + s_.parts() * part_size() +
               ((layer * panels_.count() + p) * s_.batch.steps + t) * width_ * W_;
    }

    // Pointers to the rows of one step, for each lane of a panel; a lane without a row repeats the first one, so that
    // its numbers are like any other's, or is null.
    template <class U>
    void lanes_of(const Line<U>& line, std::size_t p, U** to, bool repeat) const {
        const std::size_t first = panels_.first(p), n = panels_.rows(p);
        line.fill({first, first + n}, to);
        std::fill(to + n, to + W_, repeat ? to[0] : nullptr);
    }
    void pack(std::size_t p, const T* const* rows, std::size_t n, T* to) const {
        s_.kernels.pack_columns({rows, n, panels_.lanes(p), to, 0, 1, nullptr});
    }
    void pack_state(const T* states, const Part& part, std::size_t p, bool repeat, const T** lanes, T* to) const {
        if (states == nullptr) {
            std::memset(to, 0, z_.H * W_ * sizeof(T));
            return;
        }
        lanes_of<const T>(state_rows(states, part), p, lanes, repeat);
        pack(p, lanes, z_.H, to);
    }
    void unpack(const Line<T>& line, std::size_t p, std::size_t n, const T* from, T** lanes) const {
        lanes_of<T>(line, p, lanes, false);
        s_.kernels.unpack_columns({lanes, panels_.rows(p), n, from});
    }
    template <class U>
    Line<U> state_rows(U* states, const Part& part) const {
        return {states + part.number * s_.batch.rows * z_.H, static_cast<std::ptrdiff_t>(z_.H), nullptr};
    }
    void unpack_state(T* states, const Part& part, std::size_t p, const T* from, T** lanes) const {
        if (states != nullptr) unpack(state_rows(states, part), p, z_.H, from, lanes);
    }
    template <class U>
    static void point(U* base, std::size_t n, std::size_t width, U** to) {
        for (std::size_t k = 0; k < n; ++k) to[k] = base + k * width;
    }
    // c[i] (+)= Σ a[i][k] · b[k] for n rows, from `start[i]` or added to what c holds, or from zero.
    void multiply(std::size_t p, std::size_t n, const T* const* a, std::size_t k, const T* b, T* const* c,
                  const T* start, bool add) const {
        s_.kernels.product({n, panels_.lanes(p), k, a, 0, b, c, 0, 0, 1, nullptr, add, false, start});
    }
    std::size_t at(int block) const { return static_cast<std::size_t>(block) * z_.H; }

    const Sequence<T>& s_;
    const Sizes<T>& z_;
    const CellPlan& plan_;
    const Panels<T> panels_;
    const bool output_is_gate_;
    const std::size_t W_, S_, width_;  // of a panel; rows of gates; of both directions' outputs
};

template <class T>
class ForwardLanes : Lanewise<T> {
    using Base = Lanewise<T>;
    using Base::s_, Base::z_, Base::plan_, Base::panels_, Base::output_is_gate_, Base::W_, Base::S_, Base::width_;

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
        const std::size_t column = part.direction * z_.H, xs = Base::at(plan_.x_blocks), hs = Base::at(plan_.h_blocks);
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
            Base::multiply(p, xs, w.ih, part.input, x, c.gate_rows + Base::at(plan_.x_first),
                           w.start + Base::at(plan_.x_first), false);
            for (int block = 0; block < plan_.blocks; ++block) {  // in which the input has no share
                if (block >= plan_.x_first && block < plan_.x_first + plan_.x_blocks) continue;
                for (std::size_t i = Base::at(block); i < Base::at(block + 1); ++i) {
                    std::fill_n(c.gate_rows[i], W_, w.start[i]);
                }
            }
            Base::multiply(p, hs, w.hh, z_.H, h_prev, c.gate_rows + Base::at(plan_.h_first), nullptr, true);
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

    Weights* weights_;
    Scratch* scratch_;
    int threads_;
};

template <class T>
class BackwardLanes : Lanewise<T> {
    using Base = Lanewise<T>;
    using Base::s_, Base::z_, Base::plan_, Base::panels_, Base::W_, Base::S_, Base::width_;

    struct Weights {
        T **ih, **hh;  // transposed
        T **d_ih, **d_hh, **d_b_ih, **d_b_hh;
    };
    // Of a panel of the group.
    struct State {
        T *h, *direct, *product, *d_c;
    };
    // Of a thread; the gates' derivatives and inputs of the panel that it is at, for a chunk of steps.
    struct Scratch {
        T *d_gates, *x, *d_out, **gate_rows, **rows, **lanes;
        const T **gates, **h_prev, **c_prev, **d_out_rows, **from, **left, **right;
    };

public:
    BackwardLanes(const Sequence<T>& sequence, const BackwardCall<T>& call, std::size_t arrays)
        : Base(sequence), call_(call), arrays_(arrays) {
        Workspace& m = s_.memory;
        clear_gradients(s_, call_, arrays);
        weights_ = m.template take<Weights>(s_.parts());
        for (std::size_t p = 0; p < s_.parts(); ++p) {
            const Part part = s_.part(p);
            const PartWeights<const T*> w = s_.weights(part, arrays);
            const PartWeights<T*> g = gradients(s_, call_, part, arrays);
            weights_[p] = {wants_x(part) ? transposed(plan_.x_blocks, plan_.x_gates, w.ih, part.input) : nullptr,
                           transposed(plan_.h_blocks, plan_.h_gates, w.hh, z_.H),
                           s_.blocks_rows(plan_.x_blocks, plan_.x_gates, g.ih, part.input),
                           s_.blocks_rows(plan_.h_blocks, plan_.h_gates, g.hh, z_.H),
                           s_.blocks_rows(plan_.x_blocks, plan_.x_gates, g.b_ih, 1),
                           one_bias(plan_, g) ? nullptr : s_.blocks_rows(plan_.h_blocks, plan_.h_gates, g.b_hh, 1)};
        }
        const std::size_t steps = s_.batch.steps, count = std::min(group, panels_.count());
        chunk_ = std::min(steps, std::max<std::size_t>(1, chunk_bytes / (S_ * W_ * sizeof(T))));
        widest_ = std::max(width_, call_.d_x.data == nullptr ? 0 : s_.layout.input_size);
        for (auto& turn : turns_) {
            const bool wanted = s_.layout.num_layers > 1 || call_.d_x.data != nullptr;
            turn = m.template take<T>(wanted ? count * steps * widest_ * W_ : 0);
        }
        states_ = m.template take<State>(count);
        for (std::size_t k = 0; k < count; ++k) {
            State& state = states_[k];
            for (T** values : {&state.h, &state.direct, &state.product, &state.d_c}) {
                *values = m.template take<T>(z_.H * W_);
            }
        }
        threads_ = s_.threads();
        scratch_ = m.template take<Scratch>(static_cast<std::size_t>(threads_));
        for (int k = 0; k < threads_; ++k) {
            Scratch& c = scratch_[k];
            c.d_gates = m.template take<T>(chunk_ * S_ * W_);
            c.x = m.template take<T>(chunk_ * s_.layout.input_size * W_);
            c.d_out = m.template take<T>(z_.H * W_);
            c.gate_rows = m.template take<T*>(z_.H);
            c.rows = m.template take<T*>(std::max(widest_, z_.H));
            c.lanes = m.template take<T*>(W_);
            c.from = m.template take<const T*>(W_);
            for (const T*** list : {&c.gates, &c.h_prev, &c.c_prev, &c.d_out_rows}) {
                *list = m.template take<const T*>(z_.H);
            }
            for (const T*** list : {&c.left, &c.right}) *list = m.template take<const T*>(chunk_);
        }
    }

    void run() {
        run_team(threads_, [this](Team& team) {
            Scratch& c = scratch_[team.rank()];
            // from the last panel to the first: what forward wrote last is still in the cache
            for (std::size_t end = panels_.count(); end > 0; end -= panels_of(end)) {
                for (std::size_t layer = s_.layout.num_layers; layer-- > 0;) {
                    for (std::size_t d = 0; d < s_.layout.directions; ++d) {
                        walk(team, c, s_.part(layer * s_.layout.directions + d), end);
                    }
                }
                if (call_.d_x.data == nullptr) continue;
                own_panels(team, end, [&](std::size_t k, std::size_t p) {
                    for (std::size_t t = 0; t < s_.batch.steps; ++t) {
                        Base::unpack(s_.line(call_.d_x, t), p, s_.layout.input_size, d_below(0, k, t), c.lanes);
                    }
                });
            }
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

    // The derivative by what a layer reads of a step: what the layer below gives out.
    T* d_below(std::size_t layer, std::size_t k, std::size_t t) const {
        return turns_[layer % 2] + (k * s_.batch.steps + t) * widest_ * W_;
    }

    // The k-th panel of a group that ends before panel `end` is end - 1 - k.
    static std::size_t panels_of(std::size_t end) { return std::min(group, end); }

    // f(k, panel) for a thread's panels of the group; the same k in every group.
    template <class F>
    void own_panels(const Team& team, std::size_t end, F f) const {
        const auto size = static_cast<std::size_t>(team.size());
        for (auto k = static_cast<std::size_t>(team.rank()); k < panels_of(end); k += size) f(k, end - 1 - k);
    }

    void walk(Team& team, Scratch& c, const Part& part, std::size_t last) {
        own_panels(team, last, [&](std::size_t k, std::size_t p) {
            const State& state = states_[k];
            Base::pack_state(s_.call.states[0], part, p, true, c.from, state.h);
            Base::pack_state(call_.d_finals[0], part, p, false, c.from, state.direct);
            if (plan_.cell_state) Base::pack_state(call_.d_finals[1], part, p, false, c.from, state.d_c);
            std::memset(state.product, 0, z_.H * W_ * sizeof(T));
        });
        // one panel a thread at a time, then the gradients of all these, while they are in the cache: in the order of
        // the panels, however many threads there are
        const std::size_t steps = s_.batch.steps, count = panels_of(last),
                          at_once = static_cast<std::size_t>(team.size());
        for (std::size_t end = steps; end > 0;) {
            const std::size_t begin = end > chunk_ ? end - chunk_ : 0;
            for (std::size_t next = 0; next < count; next += at_once) {
                const std::size_t k = next + static_cast<std::size_t>(team.rank());
                for (std::size_t s = end; k < count && s-- > begin;)
                    step(c, part, states_[k], last - 1 - k, k, s, s - begin);
                team.barrier();
                for (std::size_t j = next; j < std::min(next + at_once, count); ++j) {
                    sum_gradients(team, c, part, states_[j], scratch_[j - next], last - 1 - j, begin, end);
                }
                team.barrier();
            }
            end = begin;
        }
        own_panels(team, last, [&](std::size_t k, std::size_t p) {
            const State& state = states_[k];
            for (std::size_t i = 0; i < z_.H * W_; ++i) state.direct[i] += state.product[i];
            Base::unpack_state(call_.d_states[0], part, p, state.direct, c.lanes);
            if (plan_.cell_state) Base::unpack_state(call_.d_states[1], part, p, state.d_c, c.lanes);
        });
    }

    const T* h_prev(const Part& part, const State& state, std::size_t p, std::size_t s) const {
        return s == 0 ? state.h : Base::kept_out(part.layer, p, s_.step(part, s - 1)) + part.direction * z_.H * W_;
    }

    void step(Scratch& c, const Part& part, const State& state, std::size_t p, std::size_t k, std::size_t s,
              std::size_t place) const {
        const Weights& w = weights_[part.number];
        const std::size_t t = s_.step(part, s), column = part.direction * z_.H;
        T* const d_gates = c.d_gates + place * S_ * W_;
        const T* d_out = nullptr;
        if (!s_.last(part)) {
            d_out = d_below(part.layer + 1, k, t) + column * W_;
        } else if (call_.d_out.data != nullptr) {
            Base::template lanes_of<const T>(s_.line(call_.d_out, t).from(column), p, c.from, false);
            Base::pack(p, c.from, z_.H, c.d_out);
            d_out = c.d_out;
        }
        Base::point(d_gates, z_.H, W_, c.gate_rows);
        Base::template point<const T>(Base::gates(part, p, t), z_.H, W_, c.gates);
        Base::point(h_prev(part, state, p, s), z_.H, W_, c.h_prev);
        if (plan_.cell_state) Base::template point<const T>(Base::old_cell(part, p, t), z_.H, W_, c.c_prev);
        if (d_out != nullptr) Base::point(d_out, z_.H, W_, c.d_out_rows);
        StepBackward<T> a{};
        a.rows = z_.H, a.hidden = a.last = panels_.lanes(p), a.block = z_.H * W_, a.stride = W_;
        a.gates = c.gates, a.d_gates = c.gate_rows, a.h_prev = c.h_prev, a.c_prev = c.c_prev;
        a.d_out = d_out == nullptr ? nullptr : c.d_out_rows;
        a.direct = state.direct, a.product = state.product, a.d_c = state.d_c;
        s_.cell.backward[0](a);

        if (s > 0 || call_.d_states[0] != nullptr) {  // else nobody asks for it
            Base::point(state.product, z_.H, W_, c.rows);
            Base::multiply(p, z_.H, w.hh, Base::at(plan_.h_blocks), d_gates + Base::at(plan_.h_first) * W_, c.rows,
                           nullptr, false);
        }
        if (wants_x(part)) {
            Base::point(d_below(part.layer, k, t), part.input, W_, c.rows);
            Base::multiply(p, part.input, w.ih, Base::at(plan_.x_blocks), d_gates + Base::at(plan_.x_first) * W_,
                           c.rows, nullptr, part.direction == 1);
        }
        if (part.layer == 0 && w.d_ih != nullptr) {
            Base::template lanes_of<const T>(s_.line(s_.call.x, t), p, c.from, true);
            Base::pack(p, c.from, part.input, c.x + place * part.input * W_);
        }
    }

    // One panel's share of the sums, the weights' rows divided among the threads.
    void sum_gradients(const Team& team, Scratch& c, const Part& part, const State& state, const Scratch& of,
                       std::size_t p, std::size_t begin, std::size_t end) const {
        const Weights& w = weights_[part.number];
        for (std::size_t s = begin; s < end; ++s) c.left[s - begin] = of.d_gates + (s - begin) * S_ * W_;
        const auto sums = [&](int first, int blocks, std::size_t n, T* const* d, T* const* bias) {
            constexpr std::size_t tile = 16;  // rows that stay with one thread
            const Span mine = share(Base::at(blocks), tile, team.rank(), team.size());
            s_.kernels.dots({end - begin, panels_.lanes(p), c.left, Base::at(first) + mine.first, mine.size(), c.right,
                             n, d == nullptr ? nullptr : d + mine.first,
                             bias == nullptr ? nullptr : bias + mine.first});
        };
        for (std::size_t s = begin; s < end; ++s) {
            c.right[s - begin] = part.layer == 0 ? of.x + (s - begin) * part.input * W_
                                                 : Base::kept_out(part.layer - 1, p, s_.step(part, s));
        }
        sums(plan_.x_first, plan_.x_blocks, part.input, w.d_ih, w.d_b_ih);
        for (std::size_t s = begin; s < end; ++s) c.right[s - begin] = h_prev(part, state, p, s);
        sums(plan_.h_first, plan_.h_blocks, z_.H, w.d_hh, w.d_b_hh);
    }

    const BackwardCall<T>& call_;
    const std::size_t arrays_;
    Weights* weights_;
    State* states_;
    Scratch* scratch_;
    T* turns_[2];
    std::size_t chunk_, widest_;
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

template <class T>
void backward_lanewise(const Sequence<T>& s, const BackwardCall<T>& call, std::size_t arrays) {
    BackwardLanes<T>(s, call, arrays).run();
}

#define ELMAN_LANEWISE(T)                                            \
    template bool is_lanewise(const Sequence<T>&);                   \
    template std::size_t saved_lanewise(const Sequence<T>&);         \
    template void forward_lanewise(const Sequence<T>&, std::size_t); \
    template void backward_lanewise(const Sequence<T>&, const BackwardCall<T>&, std::size_t)
ELMAN_LANEWISE(float);
ELMAN_LANEWISE(double);
#undef ELMAN_LANEWISE

}  // namespace elman
