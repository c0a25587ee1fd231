// The walk back. Step by step only what the steps before need: the derivatives by the gates, and their product with the
// recurrent weights. The gradients of weights and inputs follow for many steps at once.
#include "backward.h"

#include "lanewise.h"

namespace elman {

namespace {

// Of derivatives by the gates: they are still in cache for the gradients' products; but as many rows as those are summed
// over at a time. It depends on shapes alone, so the order of the sums does too.
constexpr std::size_t chunk_bytes = std::size_t{1} << 19, chunk_rows = 512;
constexpr std::size_t few_rows = 4;
constexpr std::size_t tile = 16;  // rows of a gradient that stay with one thread

template <class T>
class Backward {
public:
    Backward(const Sequence<T>& sequence, const BackwardCall<T>& call, std::size_t arrays)
        : s_(sequence), z_(sequence.sizes), plan_(sequence.plan), call_(call), arrays_(arrays) {
        Workspace& m = s_.memory;
        threads_ = s_.threads();
        units_ = s_.by_units(threads_);
        const std::size_t layers = s_.layout.num_layers, B = s_.batch.rows;
        inner_ = m.template take<T*>(layers);
        d_inner_ = m.template take<T*>(layers);
        saved_ = m.template take<Saved<T>>(s_.parts());
        T* buffer = s_.call.saved;
        for (std::size_t p = 0; p < s_.parts(); ++p) {
            const Part part = s_.part(p);
            saved_[p] = s_.saved(part, buffer);
            if (part.direction == 0) inner_[part.layer] = saved_[p].out;
        }
        // what the layer above leaves, and what this one leaves for the one below: two buffers in turn
        T* turns[2] = {};
        for (std::size_t k = 0; k < std::min<std::size_t>(2, layers - 1); ++k) {
            turns[k] = m.template take<T>(s_.active() * s_.layout.directions * z_.R);
        }
        for (std::size_t k = 0; k < layers; ++k) d_inner_[k] = turns[k % 2];
        weights_ = m.template take_zeros<BackwardWeights<T>>(s_.parts());
        for (std::size_t p = 0; p < s_.parts(); ++p) prepare(s_.part(p), s_.weights(s_.part(p), arrays), weights_[p]);
        s_.place(weights_, true);

        const std::size_t at_once = std::max<std::size_t>(B, 1);
        chunk_ = std::max({std::size_t{1}, chunk_bytes / (at_once * z_.S * sizeof(T)), chunk_rows / at_once});
        chunk_ = std::min(chunk_, s_.batch.steps);
        std::size_t rows = 0;
        for (std::size_t t = 0; t < std::min(chunk_, s_.batch.steps); ++t) rows += s_.count(t);
        allocate(rows);
        direct_ = m.template take<T>(B * z_.Rs);
        product_ = m.template take<T>(B * z_.Rs);
        d_c_ = m.template take<T>(plan_.cell_state ? B * z_.Hs : 0);
        product_rows_ = row_pointers(product_, z_.Rs);
        if (plan_.phases > 1) {
            d_operand_ = m.template take<T>(B * z_.Hs);
            d_operand_rows_ = row_pointers(d_operand_, z_.Hs);
        }
        if (s_.layout.proj_size) {
            d_hidden_ = m.template take<T>(B * z_.H);
            d_hidden_rows_ = row_pointers(d_hidden_, z_.H);
        }
    }

    void run() {
        clear_gradients(s_, call_, arrays_, s_.batch.steps == 0);  // the first chunk sets matrices
        run_team(threads_, [this](Team& team) {
            for (std::size_t layer = s_.layout.num_layers; layer-- > 0;) {
                for (std::size_t d = 0; d < s_.layout.directions; ++d) {
                    const Part part = s_.part(layer * s_.layout.directions + d);
                    pack(weights_[part.number], s_.kernels.pack_rows, team.rank(), team.size(), wants_x(part));
                    team.barrier();
                    walk(team, part);
                    team.barrier();
                }
            }
            if (call_.d_x.data != nullptr) s_.clear_padding(team, call_.d_x, s_.layout.input_size);
        });
        if (!s_.layout.layer_norm) copy_biases(s_, call_, arrays_);
    }

private:
    // Whether the gradient of both biases is summed once; that of layer normalisation's shifts is summed elsewhere.
    bool once(const PartWeights<T*>& g) const { return !s_.layout.layer_norm && one_bias(plan_, g); }

    bool wants_x(const Part& part) const { return part.layer > 0 || call_.d_x.data != nullptr; }

    void prepare(const Part& part, const PartWeights<const T*>& w, BackwardWeights<T>& to) {
        const bool single = s_.batch.rows == 1;
        const auto rows = [&](int blocks, const int* gates, const T* weight, std::size_t width, bool one) {
            return s_.packing(s_.blocks_rows(blocks, gates, weight, width), static_cast<std::size_t>(blocks) * z_.H,
                              width, one);
        };
        to.ih = rows(plan_.x_blocks, plan_.x_gates, w.ih, part.input, false);
        for (int k = 0; k < plan_.phases; ++k) {
            const auto& phase = plan_.phase[k];
            to.hh[k] = rows(phase.count, plan_.h_gates + (phase.first - plan_.h_first), w.hh, z_.R, single);
        }
        if (w.hr != nullptr) {
            const T** list = s_.memory.template take<const T*>(z_.R);
            for (std::size_t j = 0; j < z_.R; ++j) list[j] = w.hr + j * z_.H;
            to.hr = s_.packing(list, z_.R, z_.H, single);
        }
        if (s_.layout.layer_norm) {
            to.gain_ih = s_.blocks_row(plan_.x_blocks, plan_.x_gates, w.gain_ih);
            to.gain_hh = s_.blocks_row(plan_.h_blocks, plan_.h_gates, w.gain_hh);
        }
        for (int k = 0; k < plan_.extra; ++k) to.extra[k] = w.extra[k];
        const PartWeights<T*> g = gradients(s_, call_, part, arrays_);
        to.d_ih = s_.blocks_rows(plan_.x_blocks, plan_.x_gates, g.ih, part.input);
        to.d_hh = s_.blocks_rows(plan_.h_blocks, plan_.h_gates, g.hh, z_.R);
        to.d_b_ih = s_.blocks_rows(plan_.x_blocks, plan_.x_gates, g.b_ih, 1);
        to.d_b_hh = once(g) ? nullptr : s_.blocks_rows(plan_.h_blocks, plan_.h_gates, g.b_hh, 1);
        to.d_hr = nullptr;
        if (g.hr != nullptr) {
            to.d_hr = s_.memory.template take<T*>(z_.R);
            for (std::size_t j = 0; j < z_.R; ++j) to.d_hr[j] = g.hr + j * z_.H;
        }
    }

    T** row_pointers(T* values, std::size_t width) const {
        T** const rows = s_.memory.template take<T*>(s_.batch.rows);
        for (std::size_t k = 0; k < s_.batch.rows; ++k) rows[k] = values + k * width;
        return rows;
    }

    void allocate(std::size_t n) {
        Workspace& m = s_.memory;
        for (const T*** list : {&r_.x, &r_.h, &r_.h_prev, &r_.d_out, &r_.gates, &r_.c_prev, &r_.mask, &r_.hidden,
                                &r_.hat_x, &r_.hat_h, &r_.inverse_x, &r_.inverse_h}) {
            *list = m.template take<const T*>(n);
        }
        for (T*** list : {&r_.d_x, &r_.d_gates, &r_.operand, &r_.d_hat_x, &r_.d_hat_h, &r_.d_projected}) {
            *list = m.template take<T*>(n);
        }
        for (auto& zone : r_.zone) zone = m.template take<const std::uint8_t*>(n);
        r_.first = m.template take<std::size_t>(chunk_ + 1);
        const auto buffer = [&](bool wanted, std::size_t width, T** rows) {
            if (!wanted) return;
            T* const values = m.template take<T>(n * width);
            for (std::size_t k = 0; k < n; ++k) rows[k] = values + k * width;
        };
        const bool norm = s_.layout.layer_norm;
        buffer(true, z_.S, r_.d_gates);
        buffer(plan_.phases > 1, z_.H, r_.operand);
        buffer(norm, static_cast<std::size_t>(plan_.x_blocks) * z_.H, r_.d_hat_x);
        buffer(norm, static_cast<std::size_t>(plan_.h_blocks) * z_.H, r_.d_hat_h);
        buffer(s_.layout.proj_size != 0, z_.R, r_.d_projected);
        std::size_t widest = z_.R;
        for (std::size_t p = 0; p < s_.parts(); ++p) widest = std::max(widest, s_.part(p).input);
        if (s_.layout.proj_size) widest = std::max(widest, z_.H);
        right_ = m.template take<T>(z_.panels(widest) * z_.panel * n);
        right_too_ = m.template take<T>(z_.panels(z_.R) * z_.panel * n);
        if (plan_.phases > 1) right_reset_ = m.template take<T>(z_.panels(z_.R) * z_.panel * n);
    }

    void walk(Team& team, const Part& part) {
        const Span rows = units_ ? Span{0, s_.batch.rows} : s_.rows_of(team.rank(), team.size());
        const Span units = units_ ? share(z_.H, z_.lanes, team.rank(), team.size()) : Span{0, z_.H};
        if (!units_ || team.rank() == 0) start(part, rows);
        // (the first chunk begins with a barrier)
        const std::size_t steps = s_.batch.steps;
        for (std::size_t end = steps; end > 0;) {
            // chunks are counted from the sequence's own begin, whichever way it is walked: never more rows than allocated
            const std::size_t begin = end > chunk_ ? end - chunk_ : 0;
            // the threads meet at the end of each chunk: what they have to do in it is divided, not in all
            const Span steps_of = part.reverse() ? Span{steps - end, steps - begin} : Span{begin, end};
            chunk(team, part, units_ ? rows : s_.rows_of(team.rank(), team.size(), steps_of.first, steps_of.last),
                  units, begin, end);
            end = begin;
        }
        if (!units_ || team.rank() == 0) finish(part, rows);
    }

    void start(const Part& part, Span rows) const {
        for (std::size_t row = rows.first; row < rows.last; ++row) {
            const auto read = [&](std::size_t k, std::size_t size, T* to) {
                const T* const from = call_.d_finals[k];
                std::memcpy(to, from == nullptr ? s_.zeros : s_.state(from, part, size, row), size * sizeof(T));
            };
            read(0, z_.R, direct_ + row * z_.Rs);
            if (plan_.cell_state) read(1, z_.H, d_c_ + row * z_.Hs);
            std::memset(product_ + row * z_.Rs, 0, z_.R * sizeof(T));
        }
    }

    void finish(const Part& part, Span rows) const {
        for (std::size_t row = rows.first; row < rows.last; ++row) {
            if (call_.d_states[0] != nullptr) {
                T* const to = s_.state(call_.d_states[0], part, z_.R, row);
                const T* const mask = s_.masked(part) ? s_.recurrent_mask(part, row) : nullptr;
                for (std::size_t j = 0; j < z_.R; ++j) {
                    const T through = product_[row * z_.Rs + j];
                    to[j] = direct_[row * z_.Rs + j] + (mask == nullptr ? through : through * mask[j]);
                }
            }
            if (plan_.cell_state && call_.d_states[1] != nullptr) {
                std::memcpy(s_.state(call_.d_states[1], part, z_.H, row), d_c_ + row * z_.Hs, z_.H * sizeof(T));
            }
        }
    }

    void chunk(Team& team, const Part& part, Span rows, Span units, std::size_t begin, std::size_t end) {
        const BackwardWeights<T>& w = weights_[part.number];
        std::size_t n = 0;
        for (std::size_t s = begin; s < end; ++s) {
            const std::size_t t = s_.step(part, s);
            if (team.rank() == 0) r_.first[s - begin] = n;
            if (!units_ || team.rank() == 0) {
                const Span active = s_.active_rows(rows, t);
                point(part, t, active, n + active.first);
            }
            n += s_.count(t);
        }
        if (team.rank() == 0) r_.first[end - begin] = n;
        team.barrier();  // for the lists

        for (std::size_t s = end; s-- > begin;) step(team, part, w, rows, units, s, r_.first[s - begin]);

        const bool norm = s_.layout.layer_norm;
        const std::size_t x_column = static_cast<std::size_t>(plan_.x_first) * z_.H;
        // rows of one thread lie side by side within a step, and over all steps where it has them all
        const bool whole = rows.size() == s_.batch.rows;
        for (std::size_t s = begin; s < end && (norm || wants_x(part)); ++s) {
            const Span active = whole ? Span{0, n} : s_.active_rows(rows, s_.step(part, s));
            const std::size_t at = whole ? 0 : r_.first[s - begin] + active.first;
            if (norm) {
                s_.kernels.norm_backward({active.size(), static_cast<std::size_t>(plan_.x_blocks), z_.H, r_.hat_x + at,
                                          r_.inverse_x + at, 0, 0, w.gain_ih, r_.d_gates + at, x_column,
                                          r_.d_hat_x + at});
            }
            if (wants_x(part)) {
                multiply(team, w.ih, active.size(), norm ? r_.d_hat_x + at : r_.d_gates + at, norm ? 0 : x_column,
                         r_.d_x + at, part.direction == 1, 0);
            }
            if (whole) break;
        }
        team.barrier();
        gradients_of_weights(team, part, n, end < s_.batch.steps);
        team.barrier();
    }

    // Where the rows of one step lie, and what of the caller's belongs to them.
    void point(const Part& part, std::size_t t, Span rows, std::size_t n) {
        const Saved<T>& saved = saved_[part.number];
        const std::size_t at = s_.index(t, rows.first), width = s_.layout.directions * z_.R;
        const auto own = [&](bool wanted, const T* buffer, std::size_t row_width, const T** to) {
            if (!wanted) return;
            Line<const T>{buffer + at * row_width, static_cast<std::ptrdiff_t>(row_width), nullptr}.fill(
                {0, rows.size()}, to + n);
        };
        s_.x(part, inner_, t).fill(rows, r_.x + n);
        s_.h_prev(part, inner_, t, rows, r_.h_prev + n);
        if (plan_.cell_state) s_.out(part, inner_, t).fill(rows, r_.h + n);
        if (saved.gates == nullptr) {
            s_.out(part, inner_, t).fill(rows, r_.gates + n);
        } else {
            own(true, saved.gates, z_.S, r_.gates);
        }
        if (part.layer > 0) {
            s_.inner_line(d_inner_[part.layer - 1], width, t).fill(rows, r_.d_x + n);
        } else if (call_.d_x.data != nullptr) {
            s_.line(call_.d_x, t).fill(rows, r_.d_x + n);
        }
        const std::size_t column = part.direction * z_.R;
        if (!s_.last(part)) {
            s_.inner_line(d_inner_[part.layer], width, t).from(column).fill(rows, r_.d_out + n);
        } else if (call_.d_out.data != nullptr) {
            s_.line(call_.d_out, t).from(column).fill(rows, r_.d_out + n);
        }
        own(plan_.cell_state, saved.c_prev, z_.H, r_.c_prev);
        own(s_.layout.proj_size, saved.hidden, z_.H, r_.hidden);
        const bool norm = s_.layout.layer_norm;
        const auto x_blocks = static_cast<std::size_t>(plan_.x_blocks),
                   h_blocks = static_cast<std::size_t>(plan_.h_blocks);
        own(norm, saved.hat_x, x_blocks * z_.H, r_.hat_x);
        own(norm, saved.hat_h, h_blocks * z_.H, r_.hat_h);
        own(norm, saved.inverse_x, x_blocks, r_.inverse_x);
        own(norm, saved.inverse_h, h_blocks, r_.inverse_h);
        for (std::size_t row = rows.first; s_.masked(part) && row < rows.last; ++row) {
            r_.mask[n + row - rows.first] = s_.recurrent_mask(part, row);
        }
        for (std::size_t k = 0; s_.zone_masks() && k < (plan_.cell_state ? 2 : 1); ++k) {
            for (std::size_t row = rows.first; row < rows.last; ++row) {
                r_.zone[k][n + row - rows.first] = s_.zone_mask(part, k, t, row);
            }
        }
    }

    void step(Team& team, const Part& part, const BackwardWeights<T>& w, Span rows, Span units, std::size_t s,
              std::size_t first) {
        const std::size_t t = s_.step(part, s);
        const Span active = s_.active_rows(rows, t);
        const std::size_t n = active.size(), at = first + rows.first, b = rows.first;
        if (n == 0) return;
        const bool norm = s_.layout.layer_norm, projected = s_.layout.proj_size != 0;
        const bool outside = !s_.last(part) || call_.d_out.data != nullptr;
        // few rows are read faster than memory brings them, and rows out of order it does not bring by itself: while this
        // step multiplies, the next one's come
        for (std::size_t i = at; first > 0 && (n <= few_rows || s_.batch.order != nullptr) && i < at + n; ++i) {
            const std::size_t next = i - s_.count(s_.step(part, s - 1));
            for (int block = 0; block < plan_.blocks; ++block) fetch(r_.gates[next] + block * z_.H, units);
            fetch(r_.h_prev[next], units);
            if (plan_.cell_state) fetch(r_.c_prev[next], units);
            if (outside) fetch(r_.d_out[next], units);
        }
        StepBackward<T> a{n,
                          z_.H,
                          units.first,
                          units.last,
                          z_.H,
                          z_.Hs,
                          r_.gates + at,
                          r_.d_gates + at,
                          r_.h_prev + at,
                          r_.c_prev + at,
                          outside ? r_.d_out + at : nullptr,
                          direct_ + b * z_.Rs,
                          product_ + b * z_.Rs,
                          s_.masked(part) ? r_.mask + at : nullptr,
                          plan_.cell_state ? d_c_ + b * z_.Hs : nullptr,
                          w.extra,
                          r_.operand + at,
                          plan_.phases > 1 ? d_operand_ + b * z_.Hs : nullptr,
                          s_.zone(0, s_.zone_masks() ? r_.zone[0] + at : nullptr),
                          plan_.cell_state ? s_.zone(1, s_.zone_masks() ? r_.zone[1] + at : nullptr) : Zone<T>{}};
        if (plan_.cell_state && s_.layout.zoneout.empty()) a.h = (projected ? r_.hidden : r_.h) + at;
        if (projected) {
            StepBackward<T> of_output = a;
            of_output.hidden = z_.R;
            of_output.stride = z_.Rs;
            of_output.last = z_.R;
            s_.kernels.collect(of_output, r_.d_projected + at);
            multiply(team, w.hr, n, r_.d_projected + at, 0, d_hidden_rows_ + b, false, s);
            a.d_out = d_hidden_rows_ + b;
            a.direct = nullptr;
            a.product = nullptr;
            a.zone_h.on = false;
        }
        for (int k = plan_.phases; k-- > 0;) {
            const auto& phase = plan_.phase[k];
            const std::size_t of_h = static_cast<std::size_t>(phase.first - plan_.h_first);
            s_.cell.backward[k](a);
            if (norm) {
                s_.kernels.norm_backward({n, static_cast<std::size_t>(phase.count), z_.H, r_.hat_h + at,
                                          r_.inverse_h + at, of_h * z_.H, of_h, w.gain_hh + of_h * z_.H,
                                          r_.d_gates + at, static_cast<std::size_t>(phase.first) * z_.H,
                                          r_.d_hat_h + at});
            }
            if (units_) team.barrier();
            if (k == 1 || s > 0 || call_.d_states[0] != nullptr) {  // else nobody asks for it
                multiply(team, w.hh[k], n, norm ? r_.d_hat_h + at : r_.d_gates + at,
                         (norm ? of_h : static_cast<std::size_t>(phase.first)) * z_.H,
                         (k == 1 ? d_operand_rows_ : product_rows_) + b, false, s);
            }
            if (units_) team.barrier();
        }
        for (std::size_t i = 0; i < n; ++i) {
            if (!s_.fresh(part, t, b + i)) continue;
            const auto cut = [&](T* values, std::size_t width, std::size_t stride) {
                const std::size_t last = std::min(units_ ? units.last : width, width);
                const std::size_t begin = std::min(units.first, last);
                std::memset(values + (b + i) * stride + begin, 0, (last - begin) * sizeof(T));
            };
            cut(direct_, z_.R, z_.Rs);
            cut(product_, z_.R, z_.Rs);
            if (plan_.cell_state) cut(d_c_, z_.H, z_.Hs);
        }
    }

    static void fetch(const T* from, Span units) {
        for (std::size_t j = units.first; j < units.last; j += 64 / sizeof(T)) __builtin_prefetch(from + j);
    }

    void multiply(const Team& team, const Packing<T>& b, std::size_t m, const T* const* a, std::size_t a_column,
                  T* const* c, bool add, std::size_t s) const {
        const Span mine = units_ ? share(b.last, 1, team.rank(), team.size()) : Span{0, b.last};
        s_.kernels.product(
            {m, b.n, b.k, a, a_column, copy_for(b, s), b.width, c, 0, mine.first, mine.last, nullptr, add, s % 2 != 0});
    }

    // The sums over all rows of the chunk, the weights' units divided among the threads.
    void gradients_of_weights(Team& team, const Part& part, std::size_t n, bool add) {
        const PartWeights<T*> g = gradients(s_, call_, part, arrays_);
        const bool norm = s_.layout.layer_norm, second = plan_.phases > 1;
        const auto right = [&](T* packed, const T* const* rows, std::size_t width, const T* const* scale) {
            const Span panels = share(z_.panels(width), 1, team.rank(), team.size());
            s_.kernels.pack_rows({rows, n, width, packed, panels.first, panels.last, scale, z_.panel, 1});
        };
        if (g.ih != nullptr) right(right_, r_.x, part.input, nullptr);
        if (g.hh != nullptr) {
            right(right_too_, r_.h_prev, z_.R, s_.masked(part) ? r_.mask : nullptr);
            if (second) right(right_reset_, r_.operand, z_.R, nullptr);
        }
        team.barrier();
        const BackwardWeights<T>& w = weights_[part.number];
        // blocks of units lie side by side in the derivatives; each unit's gradients have their own place
        const auto outer = [&](const T* d, std::size_t stride, std::size_t first, int blocks, std::size_t width,
                               const T* packed, T* const* rows, T* const* sums) {
            const Span mine = share(static_cast<std::size_t>(blocks) * z_.H, tile, team.rank(), team.size());
            if (rows == nullptr && sums == nullptr) return;
            s_.kernels.outer({n, mine.size(), width, d + first + mine.first, stride, packed,
                              rows == nullptr ? nullptr : rows + mine.first,
                              sums == nullptr ? nullptr : sums + mine.first, add});
        };
        const std::size_t x_width = static_cast<std::size_t>(plan_.x_blocks) * z_.H,
                          h_width = static_cast<std::size_t>(plan_.h_blocks) * z_.H;
        const std::size_t x_first = norm ? 0 : static_cast<std::size_t>(plan_.x_first) * z_.H;
        outer(norm ? r_.d_hat_x[0] : r_.d_gates[0], norm ? x_width : z_.S, x_first, plan_.x_blocks, part.input, right_,
              w.d_ih, norm ? nullptr : w.d_b_ih);
        for (int k = 0; k < plan_.phases; ++k) {
            const auto& phase = plan_.phase[k];
            const std::size_t of_h = static_cast<std::size_t>(phase.first - plan_.h_first) * z_.H;
            outer(norm ? r_.d_hat_h[0] : r_.d_gates[0], norm ? h_width : z_.S,
                  norm ? of_h : static_cast<std::size_t>(phase.first) * z_.H, phase.count, z_.R,
                  k == 1 ? right_reset_ : right_too_, w.d_hh == nullptr ? nullptr : w.d_hh + of_h,
                  norm || w.d_b_hh == nullptr ? nullptr : w.d_b_hh + of_h);
        }
        const Span units = share(z_.H, z_.lanes, team.rank(), team.size());
        if (norm) {
            const auto sums = [&](int blocks, int first, const int* gates, const T* const* hat, T* gain, T* bias) {
                for (int k = 0; k < blocks; ++k) {
                    const std::size_t unit = static_cast<std::size_t>(gates[k]) * z_.H + units.first;
                    const std::size_t column = static_cast<std::size_t>(first + k) * z_.H + units.first;
                    s_.kernels.column_sums(
                        {n, units.size(), r_.d_gates, column, hat, static_cast<std::size_t>(k) * z_.H + units.first,
                         bias == nullptr ? nullptr : bias + unit, gain == nullptr ? nullptr : gain + unit});
                }
            };
            sums(plan_.x_blocks, plan_.x_first, plan_.x_gates, r_.hat_x, g.gain_ih, g.b_ih);
            sums(plan_.h_blocks, plan_.h_first, plan_.h_gates, r_.hat_h, g.gain_hh, g.b_hh);
        }
        if (plan_.extra) {
            StepBackward<T> a{};
            a.rows = n, a.hidden = a.block = z_.H, a.first = units.first, a.last = units.last;
            a.gates = r_.gates, a.d_gates = r_.d_gates, a.c_prev = r_.c_prev;
            s_.cell.extra_sums(a, g.extra);
        }
        if (s_.layout.proj_size && g.hr != nullptr) {
            team.barrier();  // the inputs are done with
            right(right_, r_.hidden, z_.H, nullptr);
            team.barrier();
            const Span outputs = share(z_.R, tile, team.rank(), team.size());
            s_.kernels.outer({n, outputs.size(), z_.H, r_.d_projected[0] + outputs.first, z_.R, right_,
                              w.d_hr + outputs.first, nullptr, add});
        }
    }

    const Sequence<T>& s_;
    const Sizes<T>& z_;
    const CellPlan& plan_;
    const BackwardCall<T>& call_;
    const std::size_t arrays_;
    int threads_;
    bool units_;
    std::size_t chunk_;
    T **inner_, **d_inner_;
    Saved<T>* saved_;
    BackwardWeights<T>* weights_;
    Rowwise<T> r_;
    T *direct_, *product_, *d_c_;
    T **product_rows_, **d_operand_rows_ = nullptr, **d_hidden_rows_ = nullptr;
    T *d_operand_ = nullptr, *d_hidden_ = nullptr;
    T *right_, *right_too_, *right_reset_ = nullptr;
};

}  // namespace

template <class T>
void Layers<T>::backward(const Batch& batch, const BackwardCall<T>& call) const {
    Workspace& memory = Workspace::of_thread();
    const Workspace::Scope scope(memory);
    const Sequence<T> sequence(layout_, kernels_, *cell_, batch, call.forward, memory);
    if (is_lanewise(sequence)) return backward_lanewise(sequence, call, part_arrays());
    Backward<T>(sequence, call, part_arrays()).run();
}

template void Layers<float>::backward(const Batch&, const BackwardCall<float>&) const;
template void Layers<double>::backward(const Batch&, const BackwardCall<double>&) const;

}  // namespace elman
