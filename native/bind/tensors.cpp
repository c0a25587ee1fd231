#include "bind/tensors.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using Tensor = nb::dlpack::dltensor;

// DLPack's table of functions for a tensor type, from its header in version 1.3; unused ones are left untyped.
struct ExchangeApi {
    std::uint32_t major, minor;
    ExchangeApi* previous;
    void (*allocate)();
    void (*own)();
    void (*wrap)();
    int (*view)(void* object, Tensor* to);  // -1 with a Python exception; the object keeps the memory
    void (*stream)();
};
constexpr std::uint32_t major_version = 1;

PyTypeObject* tensor_type = nullptr;
const ExchangeApi* api = nullptr;

bool is_tensor(PyObject* object) { return tensor_type != nullptr && PyObject_TypeCheck(object, tensor_type) != 0; }

Tensor view(PyObject* object) {
    Tensor tensor;
    if (api->view(object, &tensor) != 0) nb::raise_python_error();
    return tensor;
}

void* begin(const Tensor& tensor) { return static_cast<char*>(tensor.data) + tensor.byte_offset; }

void check_dims(int dims) {
    if (dims > max_dims) throw std::invalid_argument("an array of " + std::to_string(dims) + " dimensions");
}

Reached reach_array(PyObject* object) {
    Py_buffer buffer;
    if (PyObject_GetBuffer(object, &buffer, PyBUF_STRIDES) != 0) nb::raise_python_error();
    Reached to{buffer.buf, buffer.ndim};
    const Py_ssize_t size = buffer.itemsize;
    for (int k = 0; k < std::min(buffer.ndim, max_dims); ++k) to.strides[k] = buffer.strides[k] / size;
    PyBuffer_Release(&buffer);  // the caller holds the array, so it is not resized
    check_dims(to.dims);
    return to;
}

// For tensors of a torch without the C interface.
Reached reach_attributes(nb::handle tensor) {
    Reached to{reinterpret_cast<void*>(nb::cast<std::uintptr_t>(tensor.attr("data_ptr")()))};
    const nb::object strides = tensor.attr("stride")();
    to.dims = static_cast<int>(nb::len(strides));
    check_dims(to.dims);
    for (int k = 0; k < to.dims; ++k) to.strides[k] = nb::cast<std::ptrdiff_t>(strides[k]);
    return to;
}

}  // namespace

Reached reach(nb::handle object) {
    if (object.is_none()) return {};
    if (!is_tensor(object.ptr())) return reach_array(object.ptr());
    if (api == nullptr) return reach_attributes(object);
    const Tensor tensor = view(object.ptr());
    Reached to{begin(tensor), tensor.ndim};
    check_dims(to.dims);
    std::copy_n(tensor.strides, to.dims, to.strides);
    return to;
}

std::vector<void*> reach_all(nb::handle list) {
    std::vector<void*> all;
    if (list.is_none()) return all;
    const nb::object items = nb::steal(PySequence_Fast(list.ptr(), "neither a list nor a tuple of tensors"));
    if (!items.is_valid()) nb::raise_python_error();
    const Py_ssize_t count = PySequence_Fast_GET_SIZE(items.ptr());
    all.reserve(static_cast<std::size_t>(count));
    for (Py_ssize_t k = 0; k < count; ++k) all.push_back(reach(PySequence_Fast_GET_ITEM(items.ptr(), k)).data);
    return all;
}

bool is_dense(nb::handle object, nb::dlpack::dtype type, const std::vector<std::int64_t>& shape) {
    if (api == nullptr || !is_tensor(object.ptr())) return false;
    const Tensor tensor = view(object.ptr());
    const auto dims = static_cast<std::size_t>(tensor.ndim);
    // (a tensor of zeros that is not materialised has no data)
    if (tensor.device.device_type != nb::device::cpu::value || !(tensor.dtype == type) || dims != shape.size() ||
        tensor.data == nullptr) {
        return false;
    }
    std::int64_t stride = 1;
    for (std::size_t k = dims; k-- > 0;) {
        if (tensor.shape[k] != shape[k] || (shape[k] != 1 && tensor.strides[k] != stride)) return false;
        stride *= shape[k];
    }
    return true;
}

void def_tensors(nb::module_& module) {
    module.def(
        "use_tensors",
        [](nb::type_object type) {
            api = nullptr;
            tensor_type = reinterpret_cast<PyTypeObject*>(type.ptr());  // never freed: a module's type
            const nb::object capsule = nb::getattr(type, "__dlpack_c_exchange_api__", nb::none());
            if (PyCapsule_IsValid(capsule.ptr(), "dlpack_exchange_api") == 0) return false;
            const auto* found =
                static_cast<const ExchangeApi*>(PyCapsule_GetPointer(capsule.ptr(), "dlpack_exchange_api"));
            while (found != nullptr && found->major != major_version) found = found->previous;
            if (found != nullptr && found->view != nullptr) api = found;
            return api != nullptr;
        },
        "type"_a, "Take tensors of this type; whether they have DLPack's C interface, which is the fast way.");
}
