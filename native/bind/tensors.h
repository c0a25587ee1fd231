// What Python passes, and what is known of its memory before an address of it reaches the core: type, device, shape,
// strides, alignment, and whether the storage holds all of it. Asking a torch tensor through Python takes as long as a
// small layer's kernels; DLPack's C interface, where the tensors have it, answers in a twentieth of that.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

constexpr int max_dims = 3;
using Shape = std::span<const std::int64_t>;

// A tensor or array while a call lasts; strides are in elements. None has no data.
struct View {
    void* data = nullptr;
    nanobind::dlpack::dtype type{};
    int dims = 0;
    std::int64_t shape[max_dims] = {};
    std::int64_t strides[max_dims] = {};

    std::int64_t size() const;
    bool has_shape(Shape expected) const;
    bool is_contiguous() const;
    bool is_aligned() const;
};

enum class Use { read, write };

// Raises std::invalid_argument for what is neither None nor a NumPy array or other buffer, nor exactly a torch.Tensor or
// Parameter on the CPU; for more than max_dims dimensions; and for memory that is misaligned or missing.
View view(nanobind::handle object, const char* what, Use use = Use::read);

// The same, contiguous, of this type and shape.
View dense(nanobind::handle object, const char* what, nanobind::dlpack::dtype type, Shape shape, Use use = Use::read);

// "float32 (3, 4)"
std::string described(nanobind::dlpack::dtype type, Shape shape);

// Addresses at which storages were found to hold a tensor. Whoever frees or shortens a storage moves what is left of it:
// a tensor that is still where it was still lies in its storage.
struct Addresses {
    std::vector<const void*> all;
};

// Raises std::invalid_argument if a tensor's storage has been freed or is shorter than the tensor. NumPy looks to that
// itself.
void check_storage(nanobind::handle object, const View& view, const char* what);

void def_tensors(nanobind::module_& module);
