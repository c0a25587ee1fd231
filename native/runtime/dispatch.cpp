#include "runtime/dispatch.h"

#include <cstdlib>
#include <stdexcept>
#include <string>

// targets.inc is written by CMakeLists.txt: ELMAN_TARGET_ENTRY(name, whether the processor supports it), best first.
namespace elman {

#define ELMAN_TARGET_ENTRY(name, supported) \
    namespace name {                        \
    extern const Kernels kernels;           \
    }
#include "targets.inc"
#undef ELMAN_TARGET_ENTRY

std::span<const Target> targets() {
#define ELMAN_TARGET_ENTRY(name, supported) Target{#name, supported, &name::kernels},
    static const Target all[] = {
#include "targets.inc"
    };
#undef ELMAN_TARGET_ENTRY
    return all;
}

const Target& find_target(std::string_view name) {
    std::string usable;
    bool compiled = false;
    for (const Target& target : targets()) {
        if (target.name == name && target.supported) return target;
        compiled |= target.name == name;
        if (target.supported) usable.append(usable.empty() ? "" : ", ").append(target.name);
    }
    throw std::invalid_argument("target '" + std::string(name) +
                                (compiled ? "' needs instructions that this processor lacks" : "' is unknown") +
                                "; the targets that run here: " + usable);
}

const Target& active_target() {
    static const Target& chosen = []() -> const Target& {
        if (const char* forced = std::getenv("ELMAN_TARGET"); forced != nullptr && *forced != '\0') {
            try {
                return find_target(forced);
            } catch (const std::invalid_argument& error) {
                throw std::invalid_argument(std::string("ELMAN_TARGET: ") + error.what());
            }
        }
        for (const Target& target : targets()) {
            if (target.supported) return target;
        }
        throw std::logic_error("no baseline target was compiled");
    }();
    return chosen;
}

}  // namespace elman
