// Processors that threads run on. Only for threads.cpp.
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

// Moves the calling thread to another processor, if it may use one. If the system wakes a thread on the processor of
// its waker, which goes on computing, it may take milliseconds to move it.
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
