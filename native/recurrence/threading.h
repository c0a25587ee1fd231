// How many threads run a call, and how they divide its work.
#pragma once

#include <cstring>

#include "recurrence/context.h"
#include "runtime/threads.h"

namespace elman {

// Threads usually divide the rows, each running all steps of its own. If rows are few and weights large they divide the
// units instead, with two barriers a step.
template <class T>
bool shares_units(const Context<T>& ctx, int threads) {
    const std::size_t weights = static_cast<std::size_t>(ctx.plan.h_blocks) * ctx.sizes.H * ctx.sizes.R * sizeof(T);
    return threads > 1 && ctx.batch.rows < tuning::shared_units_rows && !ctx.layout.layer_norm &&
           !ctx.layout.proj_size && weights >= tuning::shared_units_bytes;
}

template <class T>
int thread_count(const Context<T>& ctx) {
    double work = 0;
    for (std::size_t p = 0; p < ctx.parts(); ++p) {
        work += static_cast<double>(ctx.active()) * static_cast<double>(ctx.sizes.S) *
                static_cast<double>(ctx.part(p).input + ctx.sizes.R);
    }
    return work < tuning::shared_work ? 1 : std::max(1, ctx.batch.threads);
}

// The rows of one thread: all threads get nearly the same number of active rows over `steps`.
template <class T>
Range rows_of(const Context<T>& ctx, int rank, int size, Range steps) {
    if (ctx.batch.counts == nullptr) return share(ctx.batch.rows, 1, rank, size);
    const auto border = [&](int r) {
        const std::size_t goal = ctx.active(steps) * static_cast<std::size_t>(r) / static_cast<std::size_t>(size);
        std::size_t row = 0, before = 0;
        for (std::size_t t = steps.last; row < ctx.batch.rows && before < goal; ++row) {
            while (ctx.count(t - 1) <= row) --t;
            if (before + (t - steps.first) / 2 >= goal) break;  // closer without this row
            before += t - steps.first;
        }
        return row;
    };
    return {border(rank), rank + 1 == size ? ctx.batch.rows : border(rank + 1)};
}

// Zeroes the rows of padded steps. Steps are dealt out one by one, because later ones have more padding.
template <class T>
void clear_padding(const Context<T>& ctx, const Team& team, const Rows<T>& tensor, std::size_t width) {
    if (ctx.batch.counts == nullptr || ctx.batch.packed) return;
    for (auto t = static_cast<std::size_t>(team.rank()); t < ctx.batch.steps;
         t += static_cast<std::size_t>(team.size())) {
        const StepRows<T> at = ctx.rows(tensor, t);
        for (std::size_t row = ctx.count(t); row < ctx.batch.rows; ++row) std::memset(at[row], 0, width * sizeof(T));
    }
}

}  // namespace elman
