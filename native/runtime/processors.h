// The processors that threads run on. For threads.cpp alone.
#pragma once

#include <sched.h>

#include <algorithm>
#include <thread>

namespace elman {

inline int current_processor() {
#ifdef __linux__
    return sched_getcpu();
#else
    return -1;
#endif
}

// Moves the calling thread to another processor, if it may use one. A waker that goes on by itself keeps a thread that
// the system has put beside it from running, until the system notices, milliseconds later.
inline void leave_processor([[maybe_unused]] int processor) {
#ifdef __linux__
    cpu_set_t allowed, others;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) < 2) return;
    others = allowed;
    CPU_CLR(processor, &others);
    if (sched_setaffinity(0, sizeof others, &others) == 0) sched_setaffinity(0, sizeof allowed, &allowed);
#endif
}

// Processors that the calling thread may use.
inline int allowed_processors() {
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
    return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

}  // namespace elman
