// Teams of threads, from a small pool that sleeps between calls, or from an OpenMP runtime that the program uses
// anyway.
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
    void barrier();    // waits for all; what any of them wrote before it, each sees after it

private:
    friend class Pool;
    Team(Pool* pool, int size, int rank) : pool_(pool), size_(size), rank_(rank) {}

    Pool* pool_;
    int size_, rank_;
};

// Runs task(team, context) on `threads` threads at once, including the calling one; returns when all have finished.
//
// The team may be smaller than asked for, so no result may depend on its size: it has no more threads than the caller
// may use processors, and only the caller if the pool is busy (with another thread, or the task that is calling) or the
// system grants no thread. The caller's floating-point environment (rounding, flushing of subnormals) applies to all of
// them. A task must not throw, and all its threads must reach each barrier: allocate and check before.
//
// `linger`: microseconds for which the pool's threads go on yielding their processors before they sleep, because another
// call is expected: waking a thread would take longer than that call.
void run_team(int threads, void (*task)(Team&, void*), void* context, int linger) noexcept;

// Uses the threads of an OpenMP runtime from now on, through its own functions. Otherwise, in a program that computes
// with such a runtime, its threads would spin for milliseconds after each region, on the processors that ours need.
void use_openmp(void (*parallel)(void (*)(void*), void*, unsigned, unsigned), int (*thread_number)(),
                int (*team_size)()) noexcept;

// The same for a callable: f(team).
template <class F>
void run_team(int threads, F&& f, int linger = 0) noexcept {
    using Pointer = decltype(&f);
    run_team(
        threads, [](Team& team, void* context) { (*static_cast<Pointer>(context))(team); },
        const_cast<void*>(static_cast<const void*>(&f)), linger);
}

}  // namespace elman
