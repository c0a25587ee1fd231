// Teams of threads: of a small pool, the library's own, that sleeps between calls; or of an OpenMP runtime that the
// program has anyway.
//
// Code of any target may include this header: it uses no library and leaves no function that targets could share
// (README.md).
#pragma once

namespace elman {

class Pool;

// One thread's view of a team that runs the same function together.
class Team {
public:
    int size() const;  // number of threads, at least 1
    int rank() const;  // 0 ... size - 1; 0 is the calling thread
    void barrier();    // waits until all have come; what any of them wrote before, each sees after

private:
    friend class Pool;
    Team(Pool* pool, int size, int rank) : pool_(pool), size_(size), rank_(rank) {}

    Pool* pool_;
    int size_, rank_;
};

// Runs task(team, context) on `threads` threads at once, the calling one among them; returns when all have ended.
//
// The team may be smaller than asked for, so no result may depend on its size: it has no more threads than the caller
// may use processors, and is the caller alone where the pool already works for somebody else (another thread, or the
// task that is calling) and where the system grants no thread.
// The caller's floating-point environment (rounding, flushing of subnormals) holds on all of them.
// A task throws nothing, and all its threads come to each barrier: allocate and check before.
void run_team(int threads, void (*task)(Team&, void*), void* context) noexcept;

// Takes the threads of an OpenMP runtime from here on, by its own functions. Whoever computes with such a runtime next to
// ours has its threads spin for milliseconds after each of its regions, on the processors that ours would need.
void use_openmp(void (*parallel)(void (*)(void*), void*, unsigned, unsigned), int (*thread_number)(),
                int (*team_size)()) noexcept;

// The same for a callable: f(team).
template <class F>
void run_team(int threads, F&& f) noexcept {
    using Pointer = decltype(&f);
    run_team(
        threads, [](Team& team, void* context) { (*static_cast<Pointer>(context))(team); },
        const_cast<void*>(static_cast<const void*>(&f)));
}

}  // namespace elman
