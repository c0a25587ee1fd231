// Step by step only what earlier steps need: the gates' gradients, and their product with the recurrent weights. The
// gradients of weights and inputs follow for a chunk of steps at once.
#include "recurrence/backward.h"

#include "recurrence/backward_rows.h"
#include "recurrence/backward_weights.h"
#include "recurrence/weight_gradients.h"

namespace elman {

namespace {

// The number of steps in a chunk, and the most rows that one has: counts never rise, so the first steps have the most.
struct Chunk {
    std::size_t steps, rows;
};

template <class T>
Chunk chunk_of(const Context<T>& ctx) {
    const std::size_t rows = std::max<std::size_t>(ctx.batch.rows, 1);
    const std::size_t steps = std::max({std::size_t{1}, tuning::backward_chunk_bytes / (rows * ctx.sizes.S * sizeof(T)),
                                        tuning::backward_chunk_rows / rows});
    Chunk chunk{std::min(steps, ctx.batch.steps), 0};
    for (std::size_t t = 0; t < chunk.steps; ++t) chunk.rows += ctx.count(t);
    return chunk;
}

template <class T>
class Backward {
public:
    Backward(const Context<T>& ctx, const BackwardCall<T>& call, std::size_t arrays)
        : ctx_(ctx),
          sizes_(ctx.sizes),
          plan_(ctx.plan),
          call_(call),
          arrays_(arrays),
          threads_(thread_count(ctx)),
          units_(shares_units(ctx, threads_)),
          chunk_(chunk_of(ctx)),
          weights_(backward_weights(ctx, call, arrays)),
          rows_(ctx, call, chunk_.rows, chunk_.steps),
          weight_gradients_(ctx, call, arrays, chunk_.rows) {
        Workspace& m = ctx.memory;
        const std::size_t B = ctx.batch.rows;
        direct_ = m.template take<T>(B * sizes_.Rs);
        product_ = m.template take<T>(B * sizes_.Rs);
        d_c_ = m.template take<T>(ctx.cell_states() * plane());
        product_rows_ = row_pointers(ctx, product_, B, sizes_.Rs);
        if (plan_.phases > 1) {
            d_operand_ = m.template take<T>(B * sizes_.Hs);
            d_operand_rows_ = row_pointers(ctx, d_operand_, B, sizes_.Hs);
        }
        if (ctx.layout.proj_size) {
            d_hidden_rows_ = row_pointers(ctx, m.template take<T>(B * sizes_.H), B, sizes_.H);
        }
    }

    void run() {
        clear_gradients(ctx_, call_, arrays_, ctx_.batch.steps == 0);  // matrices are set by the first chunk
        run_team(threads_, [this](Team& team) {
            for (std::size_t layer = ctx_.layout.num_layers; layer-- > 0;) {
                for (std::size_t k = 0; k < ctx_.parts_of_layer(); ++k) {
                    const Part part = ctx_.part(layer * ctx_.parts_of_layer() + k);
                    pack(weights_[part.number], ctx_.kernels.pack_rows, team.rank(), team.size(), rows_.wants_x(part));
                    team.barrier();
                    time_loop(team, part);
                    team.barrier();
                }
            }
            if (call_.d_x.data != nullptr) clear_padding(ctx_, team, call_.d_x, ctx_.layout.input_size);
        });
        if (!ctx_.layout.layer_norm) copy_biases(ctx_, call_, arrays_);
    }

private:
    void time_loop(Team& team, const Part& part) {
        const Range all{0, ctx_.batch.rows}, all_steps{0, ctx_.batch.steps};
        const Range rows = units_ ? all : rows_of(ctx_, team.rank(), team.size(), all_steps);
        const Range units = units_ ? share(sizes_.H, sizes_.lanes, team.rank(), team.size()) : Range{0, sizes_.H};
        if (!units_ || team.rank() == 0) take_states(part, rows);  // run_chunk begins with a barrier
        const std::size_t steps = ctx_.batch.steps;
        for (std::size_t end = steps; end > 0;) {
            const std::size_t begin = end > chunk_.steps ? end - chunk_.steps : 0;
            // rows are divided anew for each chunk, since threads meet at its end
            const Range steps_of = part.reverse() ? Range{steps - end, steps - begin} : Range{begin, end};
            run_chunk(team, part, units_ ? rows : rows_of(ctx_, team.rank(), team.size(), steps_of), units, begin, end);
            end = begin;
        }
        if (!units_ || team.rank() == 0) give_states(part, rows);
    }

    void take_states(const Part& part, Range rows) const {
        for (std::size_t row = rows.first; row < rows.last; ++row) {
            const auto read = [&](std::size_t k, std::size_t size, T* to) {
                const T* const from = call_.d_finals[k];
                std::memcpy(to, from == nullptr ? ctx_.zeros : ctx_.state(from, part, size, row), size * sizeof(T));
            };
            read(0, sizes_.R, direct_ + row * sizes_.Rs);
            for (std::size_t k = 0; k < ctx_.cell_states(); ++k) {
                read(1 + k, sizes_.H, d_c_ + k * plane() + row * sizes_.Hs);
            }
            std::memset(product_ + row * sizes_.Rs, 0, sizes_.R * sizeof(T));
        }
    }

    void give_states(const Part& part, Range rows) const {
        for (std::size_t row = rows.first; row < rows.last; ++row) {
            if (call_.d_states[0] != nullptr) {
                T* const to = ctx_.state(call_.d_states[0], part, sizes_.R, row);
                const T* const mask = ctx_.masked(part) ? ctx_.recurrent_mask(part, row) : nullptr;
                for (std::size_t j = 0; j < sizes_.R; ++j) {
                    const T through = product_[row * sizes_.Rs + j];
                    to[j] = direct_[row * sizes_.Rs + j] + (mask == nullptr ? through : through * mask[j]);
                }
            }
            for (std::size_t k = 0; k < ctx_.cell_states(); ++k) {
                T* const to = call_.d_states[1 + k];
                if (to == nullptr) continue;
                std::memcpy(ctx_.state(to, part, sizes_.H, row), d_c_ + k * plane() + row * sizes_.Hs,
                            sizes_.H * sizeof(T));
            }
        }
    }

    void run_chunk(Team& team, const Part& part, Range rows, Range units, std::size_t begin, std::size_t end) {
        const BackwardWeights<T>& w = weights_[part.number];
        std::size_t n = 0;
        for (std::size_t s = begin; s < end; ++s) {
            const std::size_t t = ctx_.step(part, s);
            if (team.rank() == 0) rows_.first[s - begin] = n;
            if (!units_ || team.rank() == 0) {
                const Range active = ctx_.active_rows(rows, t);
                rows_.fill(ctx_, part, t, active, n + active.first);
            }
            n += ctx_.count(t);
        }
        if (team.rank() == 0) rows_.first[end - begin] = n;
        team.barrier();  // for the pointers

        for (std::size_t s = end; s-- > begin;) run_step(team, part, w, rows, units, s, rows_.first[s - begin]);
        gradients_of_inputs(team, part, w, rows, n, begin, end);
        team.barrier();
        weight_gradients_.sum(team, part, w, rows_, n, end < ctx_.batch.steps);
        team.barrier();
    }

    // `first`: the index of the step's first row.
    void run_step(Team& team, const Part& part, const BackwardWeights<T>& w, Range rows, Range units, std::size_t s,
                  std::size_t first) {
        const std::size_t t = ctx_.step(part, s);
        const std::size_t n = ctx_.active_rows(rows, t).size(), at = first + rows.first, b = rows.first;
        if (n == 0) return;
        const bool norm = ctx_.layout.layer_norm, projected = ctx_.layout.proj_size != 0;
        const bool outside = rows_.has_d_out(ctx_, part);
        // the hardware prefetcher does not follow rows that are out of order
        if (first > 0 && (n <= tuning::prefetched_rows || ctx_.batch.order != nullptr)) {
            fetch_next(part, s, units, {at, at + n}, outside);
        }
        const auto zoneout = [&](std::size_t state) {
            return ctx_.zoneout(state, ctx_.zoneout_masks() ? rows_.zoneout[state] + at : nullptr);
        };
        StepBackward<T> a{n,
                          sizes_.H,
                          units.first,
                          units.last,
                          sizes_.H,
                          sizes_.Hs,
                          plane(),
                          rows_.gates + at,
                          rows_.d_gates + at,
                          rows_.h_prev + at,
                          rows_.c_prev + at,
                          outside ? rows_.d_out + at : nullptr,
                          direct_ + b * sizes_.Rs,
                          plan_.h_blocks ? product_ + b * sizes_.Rs : nullptr,
                          ctx_.masked(part) ? rows_.mask + at : nullptr,
                          plan_.cell_states ? d_c_ + b * sizes_.Hs : nullptr,
                          w.extra,
                          rows_.operand + at,
                          plan_.phases > 1 ? d_operand_ + b * sizes_.Hs : nullptr,
                          zoneout(0),
                          {},
                          static_cast<T>(ctx_.layout.option)};
        for (std::size_t q = 0; q < ctx_.cell_states(); ++q) a.zoneout_c[q] = zoneout(1 + q);
        if (plan_.cell_states && ctx_.layout.zoneout.empty()) a.h = (projected ? rows_.hidden : rows_.h) + at;
        if (projected) {
            StepBackward<T> of_output = a;
            of_output.hidden = sizes_.R;
            of_output.stride = sizes_.Rs;
            of_output.last = sizes_.R;
            ctx_.kernels.output_gradient(of_output, rows_.d_projected + at);
            multiply(team, w.hr, n, rows_.d_projected + at, 0, d_hidden_rows_ + b, false, s);
            a.d_out = d_hidden_rows_ + b;
            a.direct = nullptr;
            a.product = nullptr;
            a.zoneout_h.on = false;
        }
        for (int k = plan_.phases; k-- > 0;) {
            const auto& phase = plan_.phase[k];
            const std::size_t of_h = static_cast<std::size_t>(phase.first - plan_.h_first);
            ctx_.cell.backward[k](a);
            if (norm && phase.count > 0) {
                ctx_.kernels.norm_backward({n, static_cast<std::size_t>(phase.count), sizes_.H, rows_.hat_h + at,
                                            rows_.inverse_h + at, of_h * sizes_.H, of_h, w.gain_hh + of_h * sizes_.H,
                                            rows_.d_gates + at, static_cast<std::size_t>(phase.first) * sizes_.H,
                                            rows_.d_hat_h + at});
            }
            if (units_) team.barrier();
            const bool needed = k == 1 || s > 0 || call_.d_states[0] != nullptr;
            if (needed && phase.count > 0) {
                multiply(team, w.hh[k], n, norm ? rows_.d_hat_h + at : rows_.d_gates + at,
                         (norm ? of_h : static_cast<std::size_t>(phase.first)) * sizes_.H,
                         (k == 1 ? d_operand_rows_ : product_rows_) + b, false, s);
            }
            if (units_) team.barrier();
        }
        for (std::size_t i = 0; i < n; ++i) {
            if (ctx_.is_reset(part, t, b + i)) clear_state_gradients(b + i, units);
        }
    }

    // Prefetches what the next step of the loop, s - 1, reads, while this one multiplies; `at`: this step's rows.
    void fetch_next(const Part& part, std::size_t s, Range units, Range at, bool outside) const {
        const auto fetch = [&](const T* from) {
            constexpr std::size_t line = tuning::cache_line / sizeof(T);
            for (std::size_t j = units.first; j < units.last; j += line) __builtin_prefetch(from + j);
        };
        const std::size_t before = ctx_.count(ctx_.step(part, s - 1));
        for (std::size_t i = at.first; i < at.last; ++i) {
            const std::size_t next = i - before;
            for (int block = 0; block < plan_.blocks; ++block) fetch(rows_.gates[next] + block * sizes_.H);
            fetch(rows_.h_prev[next]);
            for (std::size_t q = 0; q < ctx_.cell_states(); ++q) fetch(rows_.c_prev[next] + q * sizes_.H);
            if (outside) fetch(rows_.d_out[next]);
        }
    }

    // No gradient passes a reset.
    void clear_state_gradients(std::size_t row, Range units) const {
        const auto clear = [&](T* values, std::size_t width, std::size_t stride) {
            const std::size_t last = std::min(units_ ? units.last : width, width);
            const std::size_t begin = std::min(units.first, last);
            std::memset(values + row * stride + begin, 0, (last - begin) * sizeof(T));
        };
        clear(direct_, sizes_.R, sizes_.Rs);
        clear(product_, sizes_.R, sizes_.Rs);
        for (std::size_t q = 0; q < ctx_.cell_states(); ++q) clear(d_c_ + q * plane(), sizes_.H, sizes_.Hs);
    }

    void gradients_of_inputs(const Team& team, const Part& part, const BackwardWeights<T>& w, Range rows, std::size_t n,
                             std::size_t begin, std::size_t end) const {
        const bool norm = ctx_.layout.layer_norm;
        if (!norm && !rows_.wants_x(part)) return;
        const std::size_t x_column = static_cast<std::size_t>(plan_.x_first) * sizes_.H;
        // a thread's rows lie side by side within a step, and across steps if it has all rows
        const bool whole = rows.size() == ctx_.batch.rows;
        for (std::size_t s = begin; s < end; ++s) {
            const Range active = whole ? Range{0, n} : ctx_.active_rows(rows, ctx_.step(part, s));
            const std::size_t at = whole ? 0 : rows_.first[s - begin] + active.first;
            if (norm) {
                ctx_.kernels.norm_backward({active.size(), static_cast<std::size_t>(plan_.x_blocks), sizes_.H,
                                            rows_.hat_x + at, rows_.inverse_x + at, 0, 0, w.gain_ih, rows_.d_gates + at,
                                            x_column, rows_.d_hat_x + at});
            }
            if (rows_.wants_x(part)) {
                multiply(team, w.ih, active.size(), norm ? rows_.d_hat_x + at : rows_.d_gates + at, norm ? 0 : x_column,
                         rows_.d_x + at, !part.begins_layer(), 0);
            }
            if (whole) break;
        }
    }

    void multiply(const Team& team, const Packing<T>& b, std::size_t m, const T* const* a, std::size_t a_column,
                  T* const* c, bool add, std::size_t s) const {
        const Range mine = units_ ? share(b.last, 1, team.rank(), team.size()) : Range{0, b.last};
        ctx_.kernels.matmul(
            {m, b.n, b.k, a, a_column, copy_for(b, s), b.width, c, 0, mine.first, mine.last, nullptr, add, s % 2 != 0});
    }

    std::size_t plane() const { return ctx_.batch.rows * sizes_.Hs; }  // of a cell state's gradient

    const Context<T>& ctx_;
    const Sizes<T>& sizes_;
    const CellPlan& plan_;
    const BackwardCall<T>& call_;
    const std::size_t arrays_;
    const int threads_;
    const bool units_;
    const Chunk chunk_;
    const BackwardWeights<T>* const weights_;
    BackwardRows<T> rows_;
    const WeightGradients<T> weight_gradients_;
    T *direct_, *product_, *d_c_, *d_operand_ = nullptr;  // (rows, Rs or Hs): see StepBackward
    T **product_rows_, **d_operand_rows_ = nullptr, **d_hidden_rows_ = nullptr;
};

}  // namespace

template <class T>
void run_backward(const Context<T>& ctx, const BackwardCall<T>& call, std::size_t arrays) {
    Backward<T>(ctx, call, arrays).run();
}

template void run_backward(const Context<float>&, const BackwardCall<float>&, std::size_t);
template void run_backward(const Context<double>&, const BackwardCall<double>&, std::size_t);

}  // namespace elman
