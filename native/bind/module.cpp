// elman._native: the compiled core for Python. Names, types and errors: src/elman/_native.pyi.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "bind/bind.h"
#include "bind/tensors.h"
#include "runtime/dispatch.h"
#include "runtime/threads.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

template <class T>
using Buffer = nb::ndarray<T, nb::c_contig, nb::device::cpu>;

const elman::Kernels& kernels_for(std::optional<std::string_view> target) {
    return *(target ? elman::find_target(*target) : elman::active_target()).kernels;
}

// Whether the buffers overlap without being the same.
template <class T>
bool entangled(const T* x, const T* out, std::size_t n) {
    const std::less<const T*> before;
    return x != out && before(x, out + n) && before(out, x + n);
}

template <class T>
bool aligned(const T* p) {
    return reinterpret_cast<std::uintptr_t>(p) % alignof(T) == 0;
}

template <class T>
void def_elementwise(nb::module_& module, const char* name, const char* doc, elman::KernelsOf<T> elman::Kernels::* type,
                     elman::Elementwise<T> elman::KernelsOf<T>::* kernel) {
    module.def(
        name,
        [=](const Buffer<const T>& x, const Buffer<T>& out, std::optional<std::string_view> target) {
            if (x.size() != out.size()) {
                throw std::invalid_argument("x has " + std::to_string(x.size()) + " elements, out has " +
                                            std::to_string(out.size()));
            }
            if (!aligned(x.data()) || !aligned(out.data())) {
                throw std::invalid_argument("x or out does not begin at a multiple of its element size: pass a copy");
            }
            if (entangled<T>(x.data(), out.data(), x.size())) {
                throw std::invalid_argument("x and out overlap: pass the same buffer twice, or two separate ones");
            }
            const elman::Elementwise<T> run = kernels_for(target).*type.*kernel;
            const nb::gil_scoped_release unlocked;
            run(x.data(), out.data(), x.size());
        },
        nb::arg("x").noconvert(), nb::arg("out").noconvert(), "target"_a = nb::none(), doc);
}

template <class T>
void def_kernels(nb::module_& module, elman::KernelsOf<T> elman::Kernels::* type) {
    using K = elman::KernelsOf<T>;
    def_elementwise<T>(module, "exp", "out = e^x", type, &K::exp);
    def_elementwise<T>(module, "tanh", "out = tanh x", type, &K::tanh);
    def_elementwise<T>(module, "sigmoid", "out = 1 / (1 + e^-x)", type, &K::sigmoid);
}

}  // namespace

NB_MODULE(_native, module) {
    module.doc() = "elman's compiled kernels";
    nb::set_leak_warnings(false);  // cached objects live as long as the process
    def_kernels<float>(module, &elman::Kernels::f32);
    def_kernels<double>(module, &elman::Kernels::f64);
    def_layers(module);
    def_measures(module);
    def_tensors(module);
    module.def(
        "target", [] { return elman::active_target().name; },
        "The instruction set that runs: the best that the processor has, or the one named by ELMAN_TARGET.");
    module.def(
        "cells",
        [] {
            const elman::KernelsOf<float>& kernels = elman::active_target().kernels->f32;
            std::vector<std::string_view> names;
            for (std::size_t k = 0; k < kernels.cell_count; ++k) names.push_back(kernels.cells[k].plan.name);
            return names;
        },
        "The names of the cells that have kernels.");
    module.def(
        "targets",
        [] {
            std::vector<std::string_view> names;
            for (const elman::Target& target : elman::targets()) {
                if (target.supported) names.push_back(target.name);
            }
            return names;
        },
        "The instruction sets that run on this processor, best first.");
    module.def(
        "use_openmp",
        [](std::uintptr_t parallel, std::uintptr_t thread_number, std::uintptr_t team_size) {
            elman::use_openmp(reinterpret_cast<void (*)(void (*)(void*), void*, unsigned, unsigned)>(parallel),
                              reinterpret_cast<int (*)()>(thread_number), reinterpret_cast<int (*)()>(team_size));
        },
        "parallel"_a, "thread_number"_a, "team_size"_a,
        "Teams of the threads of an OpenMP runtime, by the addresses of GOMP_parallel, omp_get_thread_num and "
        "omp_get_num_threads; null addresses undo it.");
    module.def(
        "draw",
        [](nb::handle out, std::size_t count, std::uint64_t seed, std::uint64_t limit, int bits,
           std::optional<std::string_view> target) {
            if ((bits != 16 && bits != 32) || limit > std::uint64_t{1} << bits) {
                throw std::invalid_argument("bits must be 16 or 32, and limit at most 2 to the power of bits");
            }
            const View at = view(out, "out", Use::write);
            if (!(at.type == nb::dtype<bool>()) || !at.is_contiguous() || static_cast<std::size_t>(at.size()) < count) {
                throw std::invalid_argument("out must be a contiguous array of bool, of at least count elements");
            }
            const elman::Draw call{seed, limit, bits, count, static_cast<std::uint8_t*>(at.data)};
            const elman::Kernels& kernels = kernels_for(target);
            const nb::gil_scoped_release unlocked;
            kernels.draw(call);
        },
        "out"_a, "count"_a, "seed"_a, "limit"_a, "bits"_a, "target"_a = nb::none(),
        "Fill an array of `count` bytes with ones, each with probability limit / 2^bits, and zeros.");
    module.def(
        "vector_bytes", [](std::optional<std::string_view> target) { return kernels_for(target).vector_bytes; },
        "target"_a = nb::none(), "The width of a vector register of the target.");
}
