// The walk forward: inference keeps nothing, training what backward needs.
#include "lanewise.h"
#include "pace.h"
#include "sequence.h"

namespace elman {

template <class T>
struct ForwardWeights : PackedWeights<T> {
    const T *start, *gain_ih, *gain_hh, *shift_ih, *shift_hh;
    const T* extra[max_extra];
};

template <class T>
struct Prepared {
    Workspace memory;
    ForwardWeights<T>* parts;
    mutable Pace pace;
};

namespace {

constexpr std::size_t chunk_bytes = std::size_t{1}
                                    << 18;  // of gates: the input's product is still in the cache when used
constexpr std::size_t chunk_rows = 64;      // but enough rows for a matrix product

template <class T>
using Weights = ForwardWeights<T>;

constexpr std::size_t large_step = std::size_t{3} << 18;  // bytes of weights that the second cache may not hold

// The weights of all parts, laid out for packing: all at once, or each before it is needed.
template <class T>
Weights<T>* lay_out(const Sequence<T>& s, std::size_t arrays, bool by_turns) {
    const CellPlan& plan = s.plan;
    const std::size_t H = s.sizes.H, R = s.sizes.R;
    auto* const all = s.memory.template take_zeros<Weights<T>>(s.parts());
    for (std::size_t p = 0; p < s.parts(); ++p) {
        const Part part = s.part(p);
        const PartWeights<const T*> w = s.weights(part, arrays);
        Weights<T>& to = all[p];
        const bool one_row = s.batch.rows <= 1;  // or no batch yet: single steps of most often one row
        const auto columns = [&](int blocks, const int* gates, const T* weight, std::size_t width, bool single) {
            const std::size_t n = static_cast<std::size_t>(blocks) * H;
            return s.packing(s.blocks_rows(blocks, gates, weight, width), width, n, single);
        };
        to.ih = columns(plan.x_blocks, plan.x_gates, w.ih, part.input, one_row && s.batch.steps <= 1);
        for (int k = 0; k < plan.phases; ++k) {
            const auto& phase = plan.phase[k];
            to.hh[k] = columns(phase.count, plan.h_gates + (phase.first - plan.h_first), w.hh, R, one_row);
        }
        if (w.hr != nullptr) {
            const T** rows = s.memory.template take<const T*>(R);
            for (std::size_t j = 0; j < R; ++j) rows[j] = w.hr + j * H;
            to.hr = s.packing(rows, H, R, one_row);
        }
        to.start = s.start(w);
        if (s.layout.layer_norm) {
            to.gain_ih = s.blocks_row(plan.x_blocks, plan.x_gates, w.gain_ih);
            to.gain_hh = s.blocks_row(plan.h_blocks, plan.h_gates, w.gain_hh);
            to.shift_ih = s.blocks_row(plan.x_blocks, plan.x_gates, w.b_ih);
            to.shift_hh = s.blocks_row(plan.h_blocks, plan.h_gates, w.b_hh);
        }
        for (int k = 0; k < plan.extra; ++k) {
            T* const row = s.memory.template take<T>(H);
            std::memcpy(row, w.extra[k], H * sizeof(T));
            to.extra[k] = row;
        }
    }
    s.place(all, by_turns);
    return all;
}

// What a thread needs for the steps of one chunk: pointers to its rows, step after step.
template <class T>
struct Scratch {
    const T **x, **h_prev, **operand_h;
    T **gates, **kept, **out, **c_prev, **hidden, **operand, **hat_x, **hat_h, **inverse_x, **inverse_h;
    const std::uint8_t** zone[2];
    T *chunk_gates, *chunk_hat_x, *row_hat_h, *chunk_inverse_x, *row_inverse_h;
    const T** mask;
    std::size_t* first;  // of each step of the chunk
};

template <class T>
class Forward {
public:
    Forward(const Sequence<T>& sequence, std::size_t arrays, const Prepared<T>* prepared)
        : s_(sequence),
          z_(sequence.sizes),
          plan_(sequence.plan),
          training_(sequence.call.saved != nullptr),
          prepared_(prepared) {
        Workspace& memory = s_.memory;
        large_ = prepared != nullptr && s_.batch.steps == 1 && largest() > large_step;
        if (large_) begin_ = Pace::Clock::now();
        const bool divisible = s_.batch.threads > 1 && (s_.batch.rows > 1 || s_.by_units(s_.batch.threads));
        shared_ = large_ && divisible && prepared->pace.shares(begin_);
        threads_ = shared_ ? s_.batch.threads : s_.threads();
        units_ = s_.by_units(threads_);
        // single steps, one call each, take the weights by turns from the first to the last and back
        static thread_local bool turn = false;
        turn_ = s_.batch.steps == 1 && (turn = !turn);
        mixed_ = large_ && !units_ && !s_.layout.layer_norm;
        inner_ = memory.template take<T*>(s_.layout.num_layers);
        saved_ = memory.template take<Saved<T>>(s_.parts());
        T* buffer = s_.call.saved;
        if (training_) use_large_pages(buffer, s_.saved_size() * sizeof(T));
        for (std::size_t p = 0; p < s_.parts(); ++p) {
            const Part part = s_.part(p);
            if (training_) saved_[p] = s_.saved(part, buffer);
            if (part.direction == 0 && !s_.last(part)) {
                inner_[part.layer] =
                    training_ ? saved_[p].out : memory.template take<T>(s_.active() * s_.layout.directions * z_.R);
            }
        }
        weights_ = prepared != nullptr ? prepared->parts : lay_out(s_, arrays, true);
        c_ = memory.template take_zeros<T>(plan_.cell_state ? s_.batch.rows * z_.Hs : 0);
        hidden_ = memory.template take<T>(s_.layout.proj_size ? s_.batch.rows * z_.H : 0);
        operand_ = memory.template take_zeros<T>(plan_.phases > 1 ? s_.batch.rows * z_.H : 0);
        scratch_ = memory.template take<Scratch<T>>(static_cast<std::size_t>(threads_));
        const std::size_t rows = std::max<std::size_t>(s_.batch.rows, 1);
        chunk_ = std::max({std::size_t{1}, chunk_bytes / (rows * z_.S * sizeof(T)), chunk_rows / rows});
        chunk_ = std::min(chunk_, s_.batch.steps);
        for (int k = 0; k < threads_; ++k) scratch(scratch_[k], chunk_ * rows);
    }

    void run() {
        run_team(threads_, [this](Team& team) {
            for (std::size_t p = 0; p < s_.parts(); ++p) {
                // the part before is done with: its states where units are shared, the memory of its weights
                if (p > 0 && (units_ || prepared_ == nullptr)) team.barrier();
                if (prepared_ == nullptr) {
                    pack(weights_[p], s_.kernels.pack_columns, team.rank(), team.size());
                    team.barrier();
                }
                walk(team, s_.part(p));
            }
            s_.clear_padding(team, s_.call.out, s_.layout.directions * z_.R);
        });
        if (large_) prepared_->pace.ended(begin_, Pace::Clock::now(), shared_);
    }

private:
    // Bytes of the matrices of the largest layer.
    std::size_t largest() const {
        std::size_t input = 0;
        for (std::size_t p = 0; p < s_.parts(); ++p) input = std::max(input, s_.part(p).input);
        return static_cast<std::size_t>(plan_.h_blocks) * z_.H * (input + z_.R) * sizeof(T);
    }

    void scratch(Scratch<T>& c, std::size_t rows) {
        Workspace& m = s_.memory;
        const bool norm = s_.layout.layer_norm;
        for (const T*** list : {&c.x, &c.h_prev, &c.operand_h, &c.mask}) *list = m.template take<const T*>(rows);
        for (T*** list : {&c.gates, &c.kept, &c.out, &c.c_prev, &c.hidden, &c.operand, &c.hat_x, &c.hat_h, &c.inverse_x,
                          &c.inverse_h}) {
            *list = m.template take<T*>(rows);
        }
        for (auto& zone : c.zone) zone = m.template take<const std::uint8_t*>(rows);
        c.first = m.template take<std::size_t>(chunk_ + 1);
        c.chunk_gates = m.template take<T>(rows * z_.S);
        c.chunk_hat_x = m.template take<T>(training_ || !norm ? 0 : rows * plan_.x_blocks * z_.H);
        c.row_hat_h = m.template take<T>(training_ || !norm ? 0 : s_.batch.rows * plan_.h_blocks * z_.H);
        c.chunk_inverse_x = m.template take<T>(training_ || !norm ? 0 : rows * plan_.x_blocks);
        c.row_inverse_h = m.template take<T>(training_ || !norm ? 0 : s_.batch.rows * plan_.h_blocks);
        T* const masked = s_.call.dropout.empty() ? nullptr : m.template take<T>(s_.batch.rows * z_.R);
        for (std::size_t k = 0; masked != nullptr && k < s_.batch.rows; ++k) c.operand_h[k] = masked + k * z_.R;
    }

    void walk(Team& team, const Part& part) {
        Scratch<T>& c = scratch_[team.rank()];
        const Span rows = units_ ? Span{0, s_.batch.rows} : s_.rows_of(team.rank(), team.size());
        const Span units = units_ ? share(z_.H, z_.lanes, team.rank(), team.size()) : Span{0, z_.H};
        if (plan_.cell_state) {
            for (std::size_t row = rows.first; row < rows.last; ++row) {
                T* const to = c_ + row * z_.Hs;
                const T* from = s_.call.states[1] == nullptr ? s_.zeros : s_.state(s_.call.states[1], part, z_.H, row);
                for (std::size_t j = units.first; j < std::min(units.last, z_.H); ++j) to[j] = from[j];
            }
        }
        if (s_.masked(part)) {
            for (std::size_t row = rows.first; row < rows.last; ++row)
                c.mask[row - rows.first] = s_.recurrent_mask(part, row);
        }
        for (std::size_t s = 0; s < s_.batch.steps; s += chunk_) chunk(team, part, c, rows, units, s);
        finish(team, part, rows);
    }

    bool saved_gates(const Saved<T>& saved) const { return training_ && saved.gates != nullptr; }

    void chunk(Team& team, const Part& part, Scratch<T>& c, Span rows, Span units, std::size_t begin) {
        const Weights<T>& w = weights_[part.number];
        const Saved<T>& saved = saved_[part.number];
        const std::size_t end = std::min(begin + chunk_, s_.batch.steps);
        const auto x_blocks = static_cast<std::size_t>(plan_.x_blocks),
                   h_blocks = static_cast<std::size_t>(plan_.h_blocks);
        const std::size_t xs = x_blocks * z_.H, hs = h_blocks * z_.H;
        std::size_t n = 0;
        for (std::size_t s = begin; s < end; ++s) {
            const std::size_t t = s_.step(part, s);
            const Span active = s_.active_rows(rows, t);
            c.first[s - begin] = n;
            const std::size_t at = s_.index(t, active.first);
            const auto own = [&](bool wanted, T* buffer, std::size_t width, std::size_t row, T** to) {
                if (wanted)
                    Line<T>{buffer + row * width, static_cast<std::ptrdiff_t>(width), nullptr}.fill({0, active.size()},
                                                                                                    to + n);
            };
            s_.x(part, inner_, t).fill(active, c.x + n);
            s_.out(part, inner_, t).fill(active, c.out + n);
            s_.h_prev(part, inner_, t, active, c.h_prev + n);
            // units are shared: all threads write to the first one's rows
            own(true, scratch_[units_ ? 0 : team.rank()].chunk_gates, z_.S, n, c.gates);
            own(saved_gates(saved), saved.gates, z_.S, at, c.kept);
            own(training_ && plan_.cell_state, saved.c_prev, z_.H, at, c.c_prev);
            own(s_.layout.proj_size, training_ ? saved.hidden : hidden_, z_.H, training_ ? at : active.first, c.hidden);
            own(plan_.phases > 1, operand_, z_.H, active.first, c.operand);
            if (s_.layout.layer_norm) {
                own(true, training_ ? saved.hat_x : c.chunk_hat_x, xs, training_ ? at : n, c.hat_x);
                own(true, training_ ? saved.hat_h : c.row_hat_h, hs, training_ ? at : 0, c.hat_h);
                own(true, training_ ? saved.inverse_x : c.chunk_inverse_x, x_blocks, training_ ? at : n, c.inverse_x);
                own(true, training_ ? saved.inverse_h : c.row_inverse_h, h_blocks, training_ ? at : 0, c.inverse_h);
            }
            for (std::size_t k = 0; s_.zone_masks() && k < (plan_.cell_state ? 2 : 1); ++k) {
                for (std::size_t row = active.first; row < active.last; ++row) {
                    c.zone[k][n + row - active.first] = s_.zone_mask(part, k, t, row);
                }
            }
            n += active.size();
        }
        c.first[end - begin] = n;

        // blocks that the input has no share in begin with their bias
        for (int block = 0; block < plan_.blocks; ++block) {
            if (block >= plan_.x_first && block < plan_.x_first + plan_.x_blocks) continue;
            const std::size_t column = static_cast<std::size_t>(block) * z_.H;
            const Span fill = units_ ? share(n, 1, team.rank(), team.size()) : Span{0, n};
            for (std::size_t i = fill.first; i < fill.last; ++i) {
                std::memcpy(c.gates[i] + column, w.start + column, z_.H * sizeof(T));
            }
        }
        const bool norm = s_.layout.layer_norm;
        const std::size_t x_column = static_cast<std::size_t>(plan_.x_first) * z_.H;
        if (mixed_) {
            mixed(w, n, c);
        } else {
            multiply(team, w.ih, n, c.x, norm ? c.hat_x : c.gates, norm ? 0 : x_column,
                     norm ? nullptr : w.start + x_column, false, 0);
        }
        if (norm) {
            s_.kernels.norm_forward({n, static_cast<std::size_t>(plan_.x_blocks), z_.H, c.hat_x, 0, c.inverse_x, 0,
                                     w.gain_ih, w.shift_ih, c.gates, x_column, false});
        }
        if (units_) team.barrier();
        for (std::size_t s = begin; s < end; ++s)
            step(team, part, c, rows, units, s, c.first[s - begin], c.first[s - begin + 1]);
    }

    void step(Team& team, const Part& part, Scratch<T>& c, Span rows, Span units, std::size_t s, std::size_t at,
              std::size_t end) {
        const std::size_t n = end - at, t = s_.step(part, s);
        if (n == 0) return;
        const Weights<T>& w = weights_[part.number];
        const bool masked = s_.masked(part);
        T* const cells = c_ + rows.first * z_.Hs;
        for (std::size_t i = 0; i < n; ++i) {
            if (plan_.cell_state && s_.fresh(part, t, rows.first + i)) {
                std::memset(cells + i * z_.Hs + units.first, 0, units.size() * sizeof(T));
            }
            if (masked) {
                T* const to = const_cast<T*>(c.operand_h[i]);
                for (std::size_t j = 0; j < z_.R; ++j) to[j] = c.h_prev[at + i][j] * c.mask[i][j];
            }
        }
        const bool projected = s_.layout.proj_size != 0;
        StepForward<T> a{n,
                         z_.H,
                         units.first,
                         units.last,
                         z_.H,
                         z_.Hs,
                         c.gates + at,
                         saved_gates(saved_[part.number]) ? c.kept + at : nullptr,
                         c.h_prev + at,
                         projected ? c.hidden + at : c.out + at,
                         cells,
                         c.c_prev + at,
                         w.extra,
                         c.operand + at,
                         masked ? c.mask : nullptr,
                         s_.zone(0, s_.zone_masks() ? c.zone[0] + at : nullptr),
                         plan_.cell_state ? s_.zone(1, s_.zone_masks() ? c.zone[1] + at : nullptr) : Zone<T>{}};
        const Zone<T> zone_h = a.zone_h;
        if (projected) a.zone_h.on = false;
        for (int k = 0; k < plan_.phases; ++k) {
            const auto& phase = plan_.phase[k];
            const std::size_t column = static_cast<std::size_t>(phase.first) * z_.H;
            const std::size_t of_h = static_cast<std::size_t>(phase.first - plan_.h_first) * z_.H;
            const T* const* from = k == 1 ? c.operand + at : masked ? c.operand_h : c.h_prev + at;
            if (s_.layout.layer_norm) {
                multiply(team, w.hh[k], n, from, c.hat_h + at, of_h, nullptr, false, s);
                s_.kernels.norm_forward({n, static_cast<std::size_t>(phase.count), z_.H, c.hat_h + at, of_h,
                                         c.inverse_h + at, static_cast<std::size_t>(phase.first - plan_.h_first),
                                         w.gain_hh + of_h, w.shift_hh + of_h, c.gates + at, column, true});
            } else if (k > 0 || !mixed_) {
                multiply(team, w.hh[k], n, from, c.gates + at, column, nullptr, true, s);
            }
            if (units_) team.barrier();
            s_.cell.forward[k](a);
            if (units_) team.barrier();
        }
        if (projected) {
            multiply(team, w.hr, n, c.hidden + at, c.out + at, 0, nullptr, false, s);
            if (zone_h.on) {
                a.h = c.out + at;
                a.hidden = z_.R;
                a.last = z_.R;
                a.zone_h = zone_h;
                s_.kernels.zone(a);
            }
        }
    }

    // The products of a single step's input and state, panels of both in turns: the next step, which goes the other way,
    // then finds in the cache what was read last of either.
    void mixed(const Weights<T>& w, std::size_t n, const Scratch<T>& c) const {
        const Packing<T>&x = w.ih, &h = w.hh[0];
        const std::size_t x_column = static_cast<std::size_t>(plan_.x_first) * z_.H,
                          h_column = static_cast<std::size_t>(plan_.phase[0].first) * z_.H;
        const auto run = [&](const Packing<T>& b, const T* const* a, std::size_t column, Span panels, const T* start) {
            s_.kernels.product({n, b.n, b.k, a, 0, b.packed, b.width, c.gates, column, panels.first, panels.last, start,
                                start == nullptr, turn_});
        };
        // what a single row is best multiplied with at a time
        const auto group = [&](const Packing<T>& b) { return b.width == z_.panel ? std::size_t{2} : std::size_t{1}; };
        std::size_t done = 0;  // of the input's panels, counted in the direction of the walk
        const auto input_until = [&](std::size_t until) {
            until = std::min(rounded(until, group(x)), x.last);
            if (until <= done) return;
            run(x, c.x, x_column, turn_ ? Span{x.last - until, x.last - done} : Span{done, until}, w.start + x_column);
            done = until;
        };
        for (std::size_t at = 0; at < h.last; at += group(h)) {
            const std::size_t end = std::min(at + group(h), h.last);
            const Span panels = turn_ ? Span{h.last - end, h.last - at} : Span{at, end};
            // the input's share of these columns comes first
            const std::size_t border = h_column + (turn_ ? panels.first : panels.last) * h.width;
            const std::size_t before = border < x_column ? 0 : border - x_column;
            input_until(turn_ ? x.last - std::min(x.last, before / x.width) : (before + x.width - 1) / x.width);
            run(h, c.h_prev, h_column, panels, nullptr);
        }
        input_until(x.last);
    }

    void multiply(const Team& team, const Packing<T>& b, std::size_t m, const T* const* a, T* const* c,
                  std::size_t column, const T* start, bool add, std::size_t s) const {
        const Span mine = units_ ? share(b.last, 1, team.rank(), team.size()) : Span{0, b.last};
        s_.kernels.product({m, b.n, b.k, a, 0, copy_for(b, s), b.width, c, column, mine.first, mine.last, start, add,
                            (s % 2 != 0) != turn_});
    }

    void finish(const Team& team, const Part& part, Span rows) const {
        if (units_ && team.rank() != 0) return;
        for (std::size_t row = rows.first; row < rows.last; ++row) {
            std::size_t t = 0;
            if (!part.reverse()) {
                t = s_.batch.steps - 1;
                while (s_.count(t) <= row) --t;
            }
            if (s_.call.finals[0] != nullptr) {
                std::memcpy(s_.state(s_.call.finals[0], part, z_.R, row), s_.out(part, inner_, t)[row],
                            z_.R * sizeof(T));
            }
            if (plan_.cell_state && s_.call.finals[1] != nullptr) {
                std::memcpy(s_.state(s_.call.finals[1], part, z_.H, row), c_ + row * z_.Hs, z_.H * sizeof(T));
            }
        }
    }

    const Sequence<T>& s_;
    const Sizes<T>& z_;
    const CellPlan& plan_;
    const bool training_;
    const Prepared<T>* const prepared_;
    int threads_;
    bool large_, shared_, units_, turn_, mixed_;
    Pace::Time begin_;
    std::size_t chunk_;
    T** inner_;
    Saved<T>* saved_;
    const Weights<T>* weights_;
    T *c_, *hidden_, *operand_;
    Scratch<T>* scratch_;
};

}  // namespace

template <class T>
void Layers<T>::forward(const Batch& batch, const ForwardCall<T>& call, const Prepared<T>* prepared) const {
    Workspace& memory = Workspace::of_thread();
    const Workspace::Scope scope(memory);
    const Sequence<T> sequence(layout_, kernels_, *cell_, batch, call, memory);
    if (prepared == nullptr && is_lanewise(sequence)) return forward_lanewise(sequence, part_arrays());
    Forward<T>(sequence, part_arrays(), prepared).run();
}

template <class T>
std::shared_ptr<const Prepared<T>> Layers<T>::prepare(const std::vector<const T*>& weights) const {
    auto prepared = std::make_shared<Prepared<T>>();
    ForwardCall<T> call{};
    call.weights = weights;
    const Batch none{};
    const Sequence<T> sequence(layout_, kernels_, *cell_, none, call, prepared->memory);
    prepared->parts = lay_out(sequence, part_arrays(), false);
    for (std::size_t p = 0; p < sequence.parts(); ++p) pack(prepared->parts[p], kernels_.pack_columns, 0, 1);
    return prepared;
}

#define ELMAN_FORWARD(T)                                                                             \
    template void Layers<T>::forward(const Batch&, const ForwardCall<T>&, const Prepared<T>*) const; \
    template std::shared_ptr<const Prepared<T>> Layers<T>::prepare(const std::vector<const T*>&) const
ELMAN_FORWARD(float);
ELMAN_FORWARD(double);
#undef ELMAN_FORWARD

}  // namespace elman
