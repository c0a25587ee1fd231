// The input's product is computed for a chunk of steps at once. Then, step by step, the state's product is added, and
// the cell's pointwise function turns both into the new state.
#include "recurrence/forward.h"

#include <new>

#include "recurrence/forward_rows.h"
#include "recurrence/single_step.h"

namespace elman {

namespace {

template <class T>
class Forward {
public:
    Forward(const Context<T>& ctx, std::size_t arrays, const Prepared<T>* prepared)
        : ctx_(ctx),
          sizes_(ctx.sizes),
          plan_(ctx.plan),
          prepared_(prepared),
          large_(prepared != nullptr && ctx.batch.steps == 1 && largest_layer(ctx) > tuning::large_step_bytes),
          begin_(large_ ? StepSharing::Clock::now() : StepSharing::Time{}),
          buffers_(ctx),
          weights_(prepared != nullptr ? prepared->parts : forward_weights(ctx, arrays)) {
        if (prepared == nullptr) place(ctx, weights_, true);
        const bool divisible = ctx.batch.threads > 1 && (ctx.batch.rows > 1 || shares_units(ctx, ctx.batch.threads));
        shared_ = large_ && divisible && prepared->sharing.begins(begin_);
        threads_ = shared_ ? ctx.batch.threads : large_ ? 1 : thread_count(ctx);
        units_ = shares_units(ctx, threads_);
        // single steps, one call each, alternate between reading the weights forwards and backwards
        static thread_local bool turn = false;
        descending_ = ctx.batch.steps == 1 && (turn = !turn);
        interleaved_ = large_ && !units_ && !ctx.layout.layer_norm && weights_[0].ih.codes == nullptr;
        const std::size_t rows = std::max<std::size_t>(ctx.batch.rows, 1);
        chunk_ = std::max({std::size_t{1}, tuning::forward_chunk_bytes / (rows * sizes_.S * sizeof(T)),
                           tuning::forward_chunk_rows / rows});
        chunk_ = std::min(chunk_, ctx.batch.steps);
        rows_ = ctx.memory.template take<ForwardRows<T>>(static_cast<std::size_t>(threads_));
        for (int k = 0; k < threads_; ++k) new (rows_ + k) ForwardRows<T>(ctx, chunk_ * rows, chunk_);
    }

    void run() {
        run_team(threads_, [this](Team& team) {
            for (std::size_t p = 0; p < ctx_.parts(); ++p) {
                // the previous part is finished: its outputs, if threads share units, and the memory of its weights
                if (p > 0 && (units_ || prepared_ == nullptr)) team.barrier();
                if (prepared_ == nullptr) {
                    pack(weights_[p], ctx_.kernels.pack_columns, team.rank(), team.size());
                    team.barrier();
                }
                time_loop(team, ctx_.part(p));
            }
            clear_padding(ctx_, team, ctx_.call.out, ctx_.width());
        }, shared_ ? tuning::linger_microseconds : 0);
        if (large_) prepared_->sharing.ended(begin_, StepSharing::Clock::now(), shared_);
    }

private:
    void time_loop(Team& team, const Part& part) {
        ForwardRows<T>& r = rows_[team.rank()];
        const Range all{0, ctx_.batch.rows}, steps{0, ctx_.batch.steps};
        const Range rows = units_ ? all : rows_of(ctx_, team.rank(), team.size(), steps);
        const Range units = units_ ? share(sizes_.H, sizes_.lanes, team.rank(), team.size()) : Range{0, sizes_.H};
        for (std::size_t k = 0; k < ctx_.cell_states(); ++k) {
            const T* const states = ctx_.call.states[1 + k];
            for (std::size_t row = rows.first; row < rows.last; ++row) {
                T* const to = buffers_.c + k * plane() + row * sizes_.Hs;
                const T* from = states == nullptr ? ctx_.zeros : ctx_.state(states, part, sizes_.H, row);
                for (std::size_t j = units.first; j < std::min(units.last, sizes_.H); ++j) to[j] = from[j];
            }
        }
        for (std::size_t row = rows.first; ctx_.masked(part) && row < rows.last; ++row) {
            r.mask[row - rows.first] = ctx_.recurrent_mask(part, row);
        }
        for (std::size_t s = 0; s < ctx_.batch.steps; s += chunk_) run_chunk(team, part, r, rows, units, s);
        if (!units_ || team.rank() == 0) give_states(part, rows);
    }

    void run_chunk(Team& team, const Part& part, ForwardRows<T>& r, Range rows, Range units, std::size_t begin) {
        const ForwardWeights<T>& w = weights_[part.number];
        const std::size_t end = std::min(begin + chunk_, ctx_.batch.steps);
        // threads that share units write to the gates of the first
        const std::size_t n =
            r.fill(ctx_, buffers_, part, rows, begin, end, rows_[units_ ? 0 : team.rank()].chunk_gates);
        // blocks with a product of the state alone start from their bias
        for (int block = plan_.h_first; block < plan_.h_first + plan_.h_blocks; ++block) {
            if (block >= plan_.x_first && block < plan_.x_first + plan_.x_blocks) continue;
            const std::size_t column = static_cast<std::size_t>(block) * sizes_.H;
            const Range mine = units_ ? share(n, 1, team.rank(), team.size()) : Range{0, n};
            for (std::size_t i = mine.first; i < mine.last; ++i) {
                std::memcpy(r.gates[i] + column, w.initial_gates + column, sizes_.H * sizeof(T));
            }
        }
        const bool norm = ctx_.layout.layer_norm;
        const std::size_t x_column = static_cast<std::size_t>(plan_.x_first) * sizes_.H;
        if (interleaved_) {
            interleaved_products(ctx_, w, n, r, descending_);
        } else {
            multiply(team, w.ih, n, r.x, norm ? r.hat_x : r.gates, norm ? 0 : x_column,
                     norm ? nullptr : w.initial_gates + x_column, false, 0);
        }
        if (norm) {
            ctx_.kernels.norm_forward({n, static_cast<std::size_t>(plan_.x_blocks), sizes_.H, r.hat_x, 0, r.inverse_x,
                                       0, w.gain_ih, w.shift_ih, r.gates, x_column, false});
        }
        if (units_) team.barrier();
        for (std::size_t s = begin; s < end; ++s) {
            const Range at{r.first[s - begin], r.first[s - begin + 1]};
            if (at.size() > 0) run_step(team, part, r, rows, units, s, at);
        }
    }

    // `at`: the step's rows within the chunk.
    void run_step(Team& team, const Part& part, ForwardRows<T>& r, Range rows, Range units, std::size_t s, Range at) {
        const std::size_t n = at.size(), i = at.first, t = ctx_.step(part, s);
        const ForwardWeights<T>& w = weights_[part.number];
        const bool masked = ctx_.masked(part), projected = ctx_.layout.proj_size != 0;
        T* const cells = buffers_.c + rows.first * sizes_.Hs;
        for (std::size_t k = 0; k < n; ++k) {
            if (plan_.cell_states && ctx_.is_reset(part, t, rows.first + k)) {
                for (std::size_t q = 0; q < ctx_.cell_states(); ++q) {
                    std::memset(cells + q * plane() + k * sizes_.Hs + units.first, 0, units.size() * sizeof(T));
                }
            }
            if (masked) {
                T* const to = const_cast<T*>(r.masked_h[k]);
                for (std::size_t j = 0; j < sizes_.R; ++j) to[j] = r.h_prev[i + k][j] * r.mask[k][j];
            }
        }
        const auto zoneout = [&](std::size_t state) {
            return ctx_.zoneout(state, ctx_.zoneout_masks() ? r.zoneout[state] + i : nullptr);
        };
        StepForward<T> a{n,
                         sizes_.H,
                         units.first,
                         units.last,
                         sizes_.H,
                         sizes_.Hs,
                         plane(),
                         r.gates + i,
                         buffers_.saved[part.number].gates != nullptr ? r.saved_gates + i : nullptr,
                         r.h_prev + i,
                         projected ? r.hidden + i : r.out + i,
                         cells,
                         r.c_prev + i,
                         w.extra,
                         r.operand + i,
                         masked ? r.mask : nullptr,
                         zoneout(0),
                         {},
                         static_cast<T>(ctx_.layout.option)};
        for (std::size_t q = 0; q < ctx_.cell_states(); ++q) a.zoneout_c[q] = zoneout(1 + q);
        const Zoneout<T> zoneout_h = a.zoneout_h;
        if (projected) a.zoneout_h.on = false;
        for (int k = 0; k < plan_.phases; ++k) {
            const auto& phase = plan_.phase[k];
            const std::size_t column = static_cast<std::size_t>(phase.first) * sizes_.H;
            const std::size_t of_h = static_cast<std::size_t>(phase.first - plan_.h_first) * sizes_.H;
            const T* const* from = k == 1 ? r.operand + i : masked ? r.masked_h : r.h_prev + i;
            if (ctx_.layout.layer_norm && phase.count > 0) {
                multiply(team, w.hh[k], n, from, r.hat_h + i, of_h, nullptr, false, s);
                ctx_.kernels.norm_forward({n, static_cast<std::size_t>(phase.count), sizes_.H, r.hat_h + i, of_h,
                                           r.inverse_h + i, static_cast<std::size_t>(phase.first - plan_.h_first),
                                           w.gain_hh + of_h, w.shift_hh + of_h, r.gates + i, column, true});
            } else if (phase.count > 0 && (k > 0 || !interleaved_)) {
                multiply(team, w.hh[k], n, from, r.gates + i, column, nullptr, true, s);
            }
            if (units_) team.barrier();
            ctx_.cell.forward[k](a);
            if (units_) team.barrier();
        }
        if (projected) {
            multiply(team, w.hr, n, r.hidden + i, r.out + i, 0, nullptr, false, s);
            if (zoneout_h.on) {
                a.h = r.out + i;
                a.hidden = sizes_.R;
                a.last = sizes_.R;
                a.zoneout_h = zoneout_h;
                ctx_.kernels.zoneout(a);
            }
        }
    }

    void multiply(const Team& team, const Packing<T>& b, std::size_t m, const T* const* a, T* const* c,
                  std::size_t column, const T* start, bool add, std::size_t s) const {
        const Range mine = units_ ? share(b.last, 1, team.rank(), team.size()) : Range{0, b.last};
        Matmul<T> product{m, b.n, b.k, a, 0, copy_for(b, s), b.width, c, column, mine.first, mine.last, start, add,
                          (s % 2 != 0) != descending_};
        product.codes = b.codes, product.units = b.units;
        ctx_.kernels.matmul(product);
    }

    void give_states(const Part& part, Range rows) const {
        for (std::size_t row = rows.first; row < rows.last; ++row) {
            std::size_t t = 0;
            if (!part.reverse()) {
                t = ctx_.batch.steps - 1;
                while (ctx_.count(t) <= row) --t;
            }
            if (ctx_.call.finals[0] != nullptr) {
                std::memcpy(ctx_.state(ctx_.call.finals[0], part, sizes_.R, row),
                            ctx_.out(part, buffers_.inner, t)[row], sizes_.R * sizeof(T));
            }
            for (std::size_t k = 0; k < ctx_.cell_states(); ++k) {
                T* const finals = ctx_.call.finals[1 + k];
                if (finals == nullptr) continue;
                std::memcpy(ctx_.state(finals, part, sizes_.H, row), buffers_.c + k * plane() + row * sizes_.Hs,
                            sizes_.H * sizeof(T));
            }
        }
    }

    std::size_t plane() const { return ctx_.batch.rows * sizes_.Hs; }  // of a cell state

    const Context<T>& ctx_;
    const Sizes<T>& sizes_;
    const CellPlan& plan_;
    const Prepared<T>* const prepared_;
    const bool large_;  // a single step of large layers
    const StepSharing::Time begin_;
    const ForwardBuffers<T> buffers_;
    ForwardWeights<T>* const weights_;
    ForwardRows<T>* rows_;  // one per thread
    std::size_t chunk_;     // steps
    int threads_;
    bool shared_, units_, descending_, interleaved_;
};

}  // namespace

template <class T>
void run_forward(const Context<T>& ctx, std::size_t arrays, const Prepared<T>* prepared) {
    Forward<T>(ctx, arrays, prepared).run();
}

template void run_forward(const Context<float>&, std::size_t, const Prepared<float>*);
template void run_forward(const Context<double>&, std::size_t, const Prepared<double>*);

}  // namespace elman
