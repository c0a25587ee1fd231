// Where the memory of Python's arrays and tensors lies. Asking a torch tensor through Python takes as long as a small
// layer's kernels; DLPack's C interface, if the tensors have it, is twenty times faster.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <cstdint>
#include <vector>

constexpr int max_dims = 3;

// A tensor's or array's memory, strides in elements; None has no data.
struct Reached {
    void* data = nullptr;
    int dims = 0;
    std::ptrdiff_t strides[max_dims] = {};
};

// The caller has checked device and type, and keeps the object alive. Raises std::invalid_argument for anything but a
// tensor, an array or None, and for more than max_dims dimensions.
Reached reach(nanobind::handle object);

// The data of all items of a tuple or list; empty for None.
std::vector<void*> reach_all(nanobind::handle list);

// Whether a tensor is on the CPU, contiguous, and of this type and shape; false if that cannot be told without Python.
bool is_dense(nanobind::handle tensor, nanobind::dlpack::dtype type, const std::vector<std::int64_t>& shape);

void def_tensors(nanobind::module_& module);
