// Packed weights: the width of their panels, how many copies, and where.
#pragma once

#include <unistd.h>

#include <cstring>

#include "recurrence/context.h"
#include "recurrence/threading.h"

namespace elman {

// The packed weights of a part; those that its cell or layout does not have are empty.
template <class T>
struct PackedWeights {
    Packing<T> ih{}, hh[2]{}, hr{};
};

// Bytes of a core's L2 cache; 0 if the system does not tell.
inline std::size_t second_cache() {
#if defined(_SC_LEVEL2_CACHE_SIZE)
    static const long size = sysconf(_SC_LEVEL2_CACHE_SIZE);
    return size > 0 ? static_cast<std::size_t>(size) : 0;
#else
    return 0;
#endif
}

// The panel width of a matrix for single rows.
template <class T>
std::size_t single_row_width(const KernelsOf<T>& kernels, std::size_t k, std::size_t n) {
    return k * n * sizeof(T) > tuning::wide_panel_bytes ? kernels.row_panel : kernels.panel;
}

// How many copies of a matrix for single rows the steps take in turn (tuning.h says why).
template <class T>
std::size_t copies_of(const Context<T>& ctx, std::size_t k, std::size_t n) {
    const int threads = thread_count(ctx);
    const std::size_t size = std::max<std::size_t>(1, k * n * sizeof(T) / (shares_units(ctx, threads) ? threads : 1));
    const std::size_t copies = (tuning::copies_bytes + size - 1) / size;
    const bool pays = copies <= tuning::copies_most && copies * size <= tuning::copies_most_bytes &&
                      ctx.batch.steps >= tuning::copies_steps * copies;
    return pays && second_cache() >= tuning::copies_cache ? copies : 1;
}

// How a (k, n) matrix is packed; `single_rows`: for one row at a time.
template <class T>
Packing<T> packing_of(const Context<T>& ctx, const T* const* rows, std::size_t k, std::size_t n, bool single_rows) {
    const KernelsOf<T>& kernels = ctx.kernels;
    const std::size_t copies = single_rows ? copies_of(ctx, k, n) : 1;
    const std::size_t width = single_rows && copies == 1 ? single_row_width(kernels, k, n) : kernels.panel,
                      panels = (n + width - 1) / width;
    return {rows, k, n, nullptr, 0, panels, nullptr, width, copies};
}

// Elements of one copy of all panels.
template <class T>
std::size_t packed_size(const Packing<T>& whole) {
    return whole.last * whole.width * whole.k;
}

// The copy for step s. Steps alternate between reading panels forwards and backwards. Two in a row share a copy: the
// second finds in L1 what the first has read last.
template <class T>
const T* copy_for(const Packing<T>& p, std::size_t s) {
    return p.packed + s / 2 % p.copies * packed_size(p);
}

// Allocates the packed weights: separately for each part, or, `one_by_one`, the same memory for all of them, so that
// less memory is touched.
template <class T, class W>
void place(const Context<T>& ctx, W* weights, bool one_by_one) {
    std::size_t most = 0;
    for (int round = 0; round < 2; ++round) {  // the first one only counts
        T* const memory = round == 0 ? nullptr : ctx.memory.template take<T>(most);
        std::size_t at = 0;
        for (std::size_t p = 0; p < ctx.parts(); ++p) {
            if (one_by_one) at = 0;
            PackedWeights<T>& w = weights[p];
            for (Packing<T>* packing : {&w.ih, &w.hh[0], &w.hh[1], &w.hr}) {
                if (round > 0) packing->packed = memory + at;
                at += packing->copies * packed_size(*packing) + tuning::cache_line / sizeof(T);
            }
            most = std::max(most, at);
        }
    }
}

// A thread's share of the packing, in all copies; weight_ih only if `wants_x`.
template <class T>
void pack(const PackedWeights<T>& weights, void (*pack_one)(const Packing<T>&), int rank, int size,
          bool wants_x = true) {
    for (const Packing<T>* whole : {&weights.ih, &weights.hh[0], &weights.hh[1], &weights.hr}) {
        if (whole->last == 0 || (whole == &weights.ih && !wants_x)) continue;
        Packing<T> mine = *whole;
        const Range panels = share(whole->last, 1, rank, size);
        mine.first = panels.first, mine.last = panels.last;
        pack_one(mine);
        const std::size_t panel = mine.width * mine.k;
        T* const first = mine.packed + mine.first * panel;
        for (std::size_t copy = 1; copy < mine.copies; ++copy) {
            std::memcpy(first + copy * packed_size(*whole), first, panels.size() * panel * sizeof(T));
        }
    }
}

}  // namespace elman
