// Stress test of runtime/threads.h, a program of its own:
//     g++ -std=c++20 -O2 -pthread -I native native/tests/threads_test.cpp native/runtime/threads.cpp
//
// Given a number of rounds it repeats itself and leaves out the test that takes memory away, which neither sanitizers
// nor valgrind bear.
#include "runtime/threads.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cfenv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <thread>
#include <vector>

#ifdef __SANITIZE_THREAD__
constexpr bool children_have_threads = false;  // "starting new threads after multi-threaded fork is not supported"
#else
constexpr bool children_have_threads = true;
#endif

// Stands before the C library's: the pool believes in as many processors as a test says, whatever the machine has.
static std::atomic<int> processors{4};
extern "C" int sched_getaffinity(pid_t, size_t, cpu_set_t* set) noexcept {
    CPU_ZERO(set);
    for (int k = 0; k < processors; ++k) CPU_SET(k, set);
    return 0;
}

#define CHECK(condition)                                                         \
    do {                                                                         \
        if (!(condition)) {                                                      \
            std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            std::_Exit(1);                                                       \
        }                                                                        \
    } while (false)

static int rounds = 1;

static int size_of_team(int threads) {
    int size = 0;
    elman::run_team(threads, [&](elman::Team& team) {
        if (team.rank() == 0) size = team.size();
    });
    return size;
}

// Each thread adds its neighbours' numbers of the step before: wrong as soon as one runs ahead of a barrier.
static void add_neighbours(int threads, int steps) {
    std::vector<unsigned> old(16, 1), now(16);
    elman::run_team(threads, [&](elman::Team& team) {
        for (int step = 0; step < steps; ++step) {
            for (int k = team.rank(); k < 16; k += team.size()) now[k] = old[k] + old[(k + 1) % 16];
            team.barrier();
            for (int k = team.rank(); k < 16; k += team.size()) old[k] = now[k];
            team.barrier();
        }
    });
    for (const unsigned value : old) CHECK(value == 1u << (steps % 32));
}

static void test_sizes_and_ranks() {
    for (int threads = -1; threads <= 6; ++threads) {
        std::vector<int> visits(8, 0);
        int size = 0;
        elman::run_team(threads, [&](elman::Team& team) {
            ++visits[team.rank()];
            if (team.rank() == 0) size = team.size();
        });
        CHECK(size == (threads < 1 ? 1 : threads > 4 ? 4 : threads));
        for (int rank = 0; rank < 8; ++rank) CHECK(visits[rank] == (rank < size));
    }
}

static void test_rank_zero_is_the_caller() {
    const std::thread::id caller = std::this_thread::get_id();
    elman::run_team(4, [&](elman::Team& team) { CHECK((std::this_thread::get_id() == caller) == (team.rank() == 0)); });
}

static void test_barriers() {
    for (int k = 0; k < 300 * rounds; ++k) add_neighbours(1 + k % 4, k % 31);
}

// A peer so late that the others have gone to sleep.
static void test_a_late_peer() {
    for (int late = 0; late < 4; ++late) {
        std::atomic<int> came{0};
        elman::run_team(4, [&](elman::Team& team) {
            if (team.rank() == late) std::this_thread::sleep_for(std::chrono::milliseconds(2));
            ++came;
            team.barrier();
            CHECK(came == 4);
            if (team.rank() == late) std::this_thread::sleep_for(std::chrono::milliseconds(2));
        });
    }
}

static void test_several_callers() {
    std::vector<std::thread> callers;
    for (int k = 0; k < 3; ++k) {
        callers.emplace_back([k] {
            for (int call = 0; call < 200 * rounds; ++call) add_neighbours(2 + k, call % 7);
        });
    }
    for (std::thread& caller : callers) caller.join();
}

static void test_a_task_that_calls_is_alone() {
    std::atomic<int> inner{0};
    elman::run_team(3, [&](elman::Team&) { inner += size_of_team(4); });
    CHECK(inner == 3);
}

static void test_the_callers_arithmetic_holds() {
    std::fesetround(FE_UPWARD);
    std::atomic<int> upward{0};
    elman::run_team(4, [&](elman::Team&) { upward += std::fegetround() == FE_UPWARD; });
    CHECK(upward == 4);
    std::fesetround(FE_TONEAREST);
    elman::run_team(4, [&](elman::Team&) { upward += std::fegetround() == FE_TONEAREST; });
    CHECK(upward == 8);
}

// A signal to the process must reach a thread of the program's own.
static void test_signals_stay_away() {
    static std::atomic<bool> caught{false}, blocked{true};
    std::signal(SIGUSR1, [](int) { caught = true; });
    elman::run_team(4, [&](elman::Team& team) {
        sigset_t mask;
        pthread_sigmask(SIG_SETMASK, nullptr, &mask);
        if (sigismember(&mask, SIGUSR1) != (team.rank() > 0) || sigismember(&mask, SIGSEGV)) blocked = false;
    });
    CHECK(blocked);
    std::raise(SIGUSR1);
    CHECK(caught);
}

static void test_fewer_processors() {
    processors = 2;
    for (int k = 0; k < 100; ++k) add_neighbours(4, 3);  // the number is asked for now and then only
    CHECK(size_of_team(4) == 2);
    processors = 4;
    for (int k = 0; k < 100; ++k) add_neighbours(4, 3);
    CHECK(size_of_team(4) == 4);
}

template <class F>
static void in_child(F f) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(60);
        f();
        std::_Exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

// The child has none of the parent's threads; here another thread is using them as it is born.
static void test_fork() {
    std::atomic<bool> stop{false};
    std::thread other([&] {
        while (!stop) add_neighbours(4, 9);
    });
    for (int k = 0; k < 5 * rounds; ++k) {
        in_child([] {
            CHECK(size_of_team(4) == 4);
            add_neighbours(4, 9);
            in_child([] { CHECK(size_of_team(3) == 3); });
        });
    }
    stop = true;
    other.join();
    CHECK(size_of_team(4) == 4);
}

static void test_no_thread_to_be_had() {
    in_child([] {  // no thread exists yet in this process, and none finds room for its stack
        const rlimit none{1 << 20, 1 << 20};
        CHECK(setrlimit(RLIMIT_AS, &none) == 0);
        CHECK(size_of_team(4) == 1);
        add_neighbours(4, 9);
    });
}

static void test_idle_threads_take_no_time() {
    add_neighbours(4, 9);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    const std::clock_t before = std::clock();  // of all threads
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    CHECK(std::clock() - before < CLOCKS_PER_SEC / 50);
}

int main(int count, char** arguments) {
    alarm(300);  // a deadlock ends
    if (count > 1) {
        rounds = std::atoi(arguments[1]);
    } else {
        test_no_thread_to_be_had();
    }
    test_sizes_and_ranks();
    test_rank_zero_is_the_caller();
    test_barriers();
    test_a_late_peer();
    test_several_callers();
    test_a_task_that_calls_is_alone();
    test_the_callers_arithmetic_holds();
    test_signals_stay_away();
    test_fewer_processors();
    if (children_have_threads) test_fork();
    test_idle_threads_take_no_time();
    std::puts("ok");
}
