// Memory that a thread keeps between calls: the system's allocator may return a buffer and fault it in again at every
// call, which costs more than a small recurrence.
#pragma once

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "runtime/tuning.h"

namespace elman {

// Asks for large pages under a large buffer, before it is first written to: 512 times fewer page faults.
inline void use_large_pages(void* data, std::size_t size) {
#if defined(__linux__)
    constexpr std::size_t page = 4096;
    if (size < tuning::large_pages_from) return;
    auto* const first = reinterpret_cast<std::byte*>((reinterpret_cast<std::uintptr_t>(data) + page - 1) / page * page);
    madvise(first, (size - page) / page * page, MADV_HUGEPAGE);
#endif
}

class Workspace {
public:
    // Everything taken is free again when the Scope ends.
    class Scope {
    public:
        explicit Scope(Workspace& workspace) : workspace_(workspace) {}
        ~Scope() { workspace_.reset(); }
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;

    private:
        Workspace& workspace_;
    };

    static Workspace& of_thread() {
        static thread_local Workspace workspace;
        return workspace;
    }

    // `count` values, not initialised, aligned to a cache line.
    template <class U>
    U* take(std::size_t count) {
        return static_cast<U*>(take_bytes(count * sizeof(U)));
    }
    template <class U>
    U* take_zeros(std::size_t count) {
        U* const values = take<U>(count);
        std::memset(values, 0, count * sizeof(U));
        return values;
    }

private:
    static constexpr std::size_t line = tuning::cache_line;

    struct Free {
        void operator()(std::byte* p) const { ::operator delete(p, std::align_val_t{line}); }
    };
    struct Block {
        std::unique_ptr<std::byte, Free> data;
        std::size_t size;
    };

    static Block allocate(std::size_t size) {
        auto* const data = static_cast<std::byte*>(::operator new(size, std::align_val_t{line}));
        use_large_pages(data, size);
        return {std::unique_ptr<std::byte, Free>(data), size};
    }

    void* take_bytes(std::size_t size) {
        // one more line, so that buffers whose size is a power of two do not all start in the same cache set
        size = (size + line - 1) / line * line + line;
        taken_ += size;
        if (blocks_.empty() || used_ + size > blocks_.back().size) {
            blocks_.push_back(allocate(std::max(size, tuning::workspace_least)));
            used_ = 0;
        }
        void* const at = blocks_.back().data.get() + used_;
        used_ += size;
        return at;
    }

    // The next call gets a single block of the total size.
    void reset() {
        if (taken_ > tuning::workspace_kept) {
            blocks_.clear();
        } else if (blocks_.size() > 1) {
            blocks_.clear();
            blocks_.push_back(allocate(taken_ + line));
        }
        used_ = taken_ = 0;
    }

    std::vector<Block> blocks_;
    std::size_t used_ = 0, taken_ = 0;
};

}  // namespace elman
