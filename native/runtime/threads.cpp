#include "runtime/threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cfenv>

#include "runtime/processors.h"
#include "runtime/wake_signal.h"

namespace elman {
namespace {

constexpr int most_threads = 256;
constexpr auto longest_yield = std::chrono::microseconds(tuning::yield_microseconds);

}  // namespace

// The process has one, in static storage and never destroyed: threads asleep in it do not hinder an exit. It holds
// atomics and no lock, so that a fork at any moment leaves the child a state that it can set right.
class Pool {
public:
    void run(int threads, void (*task)(Team&, void*), void* context, int linger) {
        if (threads <= 1 || !forks_are_seen || busy_.exchange(true, std::memory_order_acquire)) {
            Team alone(this, 1, 0);
            task(alone, context);
            return;
        }
        task_ = task;
        context_ = context;
        std::fegetenv(&environment_);
        if (parallel_ != nullptr) {
            parallel_(join, this, static_cast<unsigned>(std::min(threads, allowed())), 0);
            busy_.store(false, std::memory_order_release);
            return;
        }
        const int size = grow(threads);
        size_ = size;
        processor_ = current_processor();
        linger_.store(linger, std::memory_order_relaxed);
        running_.value = static_cast<unsigned>(size - 1);
        take_part(0);
        while (const unsigned left = running_.value) running_.wait_while(left, longest_yield);
        busy_.store(false, std::memory_order_release);
    }

    void barrier(unsigned size) {
        const unsigned round = round_.value.load(std::memory_order_relaxed);  // cannot change before we have come
        if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == size) {
            arrived_.store(0, std::memory_order_relaxed);
            last_processor_.store(current_processor(), std::memory_order_relaxed);
            round_.value = round + 1;
            round_.wake();
        } else if (round_.wait_while(round, longest_yield)) {
            // woken on the processor of the thread that came last, both would wait for each other at every barrier
            const int here = current_processor();
            if (here >= 0 && here == last_processor_.load(std::memory_order_relaxed)) leave_processor(here);
        }
    }

    void use_openmp(void (*parallel)(void (*)(void*), void*, unsigned, unsigned), int (*thread_number)(),
                    int (*team_size)()) {
        while (busy_.exchange(true, std::memory_order_acquire)) sched_yield();
        thread_number_ = thread_number;
        team_size_ = team_size;
        parallel_ = parallel;
        busy_.store(false, std::memory_order_release);
    }

private:
    struct Worker {
        Signal call;  // changes when there is work
    };

    static const bool forks_are_seen;

    int allowed() {
        if (calls_++ % 64 == 0) processors_ = allowed_processors();  // asking is a system call
        return processors_;
    }

    // One thread of OpenMP's.
    static void join(void* pool) {
        Pool& self = *static_cast<Pool*>(pool);
        const int rank = self.thread_number_();
        std::fenv_t own;
        if (rank > 0) {
            std::fegetenv(&own);
            std::fesetenv(&self.environment_);
        }
        Team team(&self, self.team_size_(), rank);
        self.task_(team, self.context_);
        if (rank > 0) std::fesetenv(&own);
    }

    // Starts threads where `threads` need more than there are. Returns the size that the team can have.
    int grow(int threads) {
        const int size = std::min({threads, allowed(), most_threads});
        if (size <= started_ + 1) return size;
        // Signals are left to the program's own threads, except for those that a thread's own fault raises.
        sigset_t blocked, before;
        sigfillset(&blocked);
        for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS}) sigdelset(&blocked, fault);
        pthread_sigmask(SIG_SETMASK, &blocked, &before);
        while (started_ + 1 < size) {
            Worker& worker = workers_[started_ + 1];
            worker.call.value = 0;
            worker.call.sleepers = 0;
            pthread_t thread;
            if (pthread_create(&thread, nullptr, live, &worker) != 0) break;
            pthread_detach(thread);
            ++started_;
        }
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        return std::min(size, started_ + 1);
    }

    static void* live(void* worker) noexcept;

    // Wakes two others, which each wake two, and does this rank's share.
    void take_part(int rank) {
        for (int next = 2 * rank + 1; next <= std::min(2 * rank + 2, size_ - 1); ++next) {
            ++workers_[next].call.value;
            workers_[next].call.wake();
        }
        Team team(this, size_, rank);
        task_(team, context_);
    }

    static void after_fork() noexcept;  // in the child, which has none of the threads

    std::atomic<bool> busy_{false};  // whoever sets it owns everything that is not atomic
    int started_ = 0;
    int processors_ = 0;
    unsigned calls_ = 0;

    void (*task_)(Team&, void*) = nullptr;
    void* context_ = nullptr;
    int size_ = 0;
    int processor_ = -1;  // of the caller
    std::atomic<int> linger_{0};  // microseconds that workers stay awake for the next call, beyond the usual ones
    std::fenv_t environment_{};

    void (*parallel_)(void (*)(void*), void*, unsigned, unsigned) = nullptr;  // OpenMP's, if it is to be used
    int (*thread_number_)() = nullptr;
    int (*team_size_)() = nullptr;

    Signal running_;  // workers that have not ended the call
    alignas(tuning::cache_line) std::atomic<unsigned> arrived_{0};
    Signal round_;                  // barriers passed
    std::atomic<int> last_processor_{-1};  // of the thread that came last to a barrier
    Worker workers_[most_threads];  // by rank; the first is unused
};

namespace {
constinit Pool pool;
}

void* Pool::live(void* worker) noexcept {
    Worker& self = *static_cast<Worker*>(worker);
    const int rank = static_cast<int>(&self - pool.workers_);
    for (unsigned seen = 0;; ++seen) {
        self.call.wait_while(seen, std::chrono::microseconds(pool.linger_.load(std::memory_order_relaxed)));
        if (const int here = current_processor(); here >= 0 && here == pool.processor_) leave_processor(here);
        std::fesetenv(&pool.environment_);
        pool.take_part(rank);
        if (--pool.running_.value == 0) pool.running_.wake();
    }
}

void Pool::after_fork() noexcept {
    pool.parallel_ = nullptr;  // its state in the child is unknown
    pool.started_ = 0;
    pool.calls_ = 0;
    pool.arrived_ = 0;
    pool.running_.sleepers = 0;
    pool.round_.sleepers = 0;
    pool.busy_ = false;
}

const bool Pool::forks_are_seen = pthread_atfork(nullptr, nullptr, after_fork) == 0;

int Team::size() const { return size_; }

int Team::rank() const { return rank_; }

void Team::barrier() {
    if (size_ > 1) pool_->barrier(static_cast<unsigned>(size_));
}

void run_team(int threads, void (*task)(Team&, void*), void* context, int linger) noexcept {
    pool.run(threads, task, context, linger);
}

void use_openmp(void (*parallel)(void (*)(void*), void*, unsigned, unsigned), int (*thread_number)(),
                int (*team_size)()) noexcept {
    pool.use_openmp(parallel, thread_number, team_size);
}

}  // namespace elman
