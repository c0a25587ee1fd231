// Where the memory of what Python passes lies. Asking a torch tensor through Python takes as long as a small layer's
// kernels; DLPack's C interface, where the tensors have it, answers in a twentieth of that.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <cstdint>
#include <vector>

constexpr int max_dims = 3;

// A tensor or array while a call lasts, in elements; None has no data.
struct Reached {
    void* data = nullptr;
    int dims = 0;
    std::ptrdiff_t strides[max_dims] = {};
};

// One that the caller has checked to be on the CPU, of the type expected. Raises std::invalid_argument for what is
// neither a tensor, an array nor None, or has more than max_dims dimensions.
Reached reach(nanobind::handle object);

// Those of a tuple or a list; None is an empty one.
std::vector<void*> reach_all(nanobind::handle list);

// Whether a tensor lies in the processor's memory, contiguous, of this type and shape; false too where that cannot be
// told without Python.
bool is_dense(nanobind::handle tensor, nanobind::dlpack::dtype type, const std::vector<std::int64_t>& shape);

void def_tensors(nanobind::module_& module);
