#include "bind/tensors.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using Tensor = nb::dlpack::dltensor;
using Type = nb::dlpack::dtype;

// DLPack's table of functions for a type of tensors, as its header has it in version 1.3; those not used here are left
// without their types.
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

// the types of a module, which live as long as it
PyTypeObject* tensor_type = nullptr;
PyTypeObject* parameter_type = nullptr;
const ExchangeApi* api = nullptr;

// Subclasses are none: what they hold may lie elsewhere.
bool is_tensor(PyObject* object) { return Py_TYPE(object) == tensor_type || Py_TYPE(object) == parameter_type; }

[[noreturn]] void refuse(const char* what, const std::string& why) {
    throw std::invalid_argument(std::string(what) + " " + why);
}

void set_dims(View& to, int dims, const char* what) {
    if (dims > max_dims) refuse(what, "has " + std::to_string(dims) + " dimensions");
    to.dims = dims;
}

View view_of_dlpack(PyObject* object, const char* what) {
    Tensor tensor;
    if (api->view(object, &tensor) != 0) nb::raise_python_error();
    if (tensor.device.device_type != nb::device::cpu::value) refuse(what, "is not on the CPU");
    View to{static_cast<char*>(tensor.data) + tensor.byte_offset, tensor.dtype};
    if (tensor.data == nullptr) to.data = nullptr;
    set_dims(to, tensor.ndim, what);
    std::copy_n(tensor.shape, to.dims, to.shape);
    std::copy_n(tensor.strides, to.dims, to.strides);
    return to;
}

// NumPy's codes of the types that the core takes, and of no others.
Type type_of_format(const char* format) {
    if (format == nullptr) return nb::dtype<std::uint8_t>();
    if (std::strchr("@=<", format[0]) != nullptr && format[0] != '\0') ++format;
    if (std::strcmp(format, "f") == 0) return nb::dtype<float>();
    if (std::strcmp(format, "d") == 0) return nb::dtype<double>();
    if (std::strcmp(format, "?") == 0) return nb::dtype<bool>();
    if (std::strcmp(format, "q") == 0 || (std::strcmp(format, "l") == 0 && sizeof(long) == 8))
        return nb::dtype<std::int64_t>();
    return {};
}

View view_of_buffer(PyObject* object, const char* what, Use use) {
    Py_buffer buffer;
    const int flags = PyBUF_STRIDES | PyBUF_FORMAT | (use == Use::write ? PyBUF_WRITABLE : 0);
    if (PyObject_GetBuffer(object, &buffer, flags) != 0) {
        PyErr_Clear();
        refuse(what, std::string("is a ") + Py_TYPE(object)->tp_name +
                         "; it must be a NumPy array, or a torch.Tensor or Parameter but no subclass");
    }
    View to{buffer.buf, type_of_format(buffer.format)};
    const Py_ssize_t size = buffer.itemsize, dims = buffer.ndim;
    bool whole = size > 0;
    for (int k = 0; whole && k < std::min(static_cast<int>(dims), max_dims); ++k) {
        to.shape[k] = buffer.shape[k];
        to.strides[k] = buffer.strides[k] / size;
        whole = buffer.strides[k] % size == 0;
    }
    PyBuffer_Release(&buffer);  // the caller holds the array, which is not resized while it is held
    set_dims(to, static_cast<int>(dims), what);
    if (!whole) refuse(what, "lies between the bytes of its type; pass a copy");
    return to;
}

// A tensor of a torch without the C interface.
View view_of_attributes(nb::handle tensor, const char* what) {
    if (!nb::cast<bool>(tensor.attr("is_cpu"))) refuse(what, "is not on the CPU");
    const nb::object shape = tensor.attr("shape"), strides = tensor.attr("stride")();
    View to{reinterpret_cast<void*>(nb::cast<std::uintptr_t>(tensor.attr("data_ptr")()))};
    const nb::object dtype = tensor.attr("dtype"), name = nb::steal(PyObject_Str(dtype.ptr()));
    const char* const text = name.is_valid() ? PyUnicode_AsUTF8(name.ptr()) : nullptr;
    if (text == nullptr) nb::raise_python_error();
    const std::string type = text;
    if (type == "torch.float32") to.type = nb::dtype<float>();
    if (type == "torch.float64") to.type = nb::dtype<double>();
    if (type == "torch.bool") to.type = nb::dtype<bool>();
    if (type == "torch.int64") to.type = nb::dtype<std::int64_t>();
    set_dims(to, static_cast<int>(nb::len(shape)), what);
    for (int k = 0; k < to.dims; ++k) {
        to.shape[k] = nb::cast<std::int64_t>(shape[k]);
        to.strides[k] = nb::cast<std::int64_t>(strides[k]);
    }
    return to;
}

View described_by(nb::handle object, const char* what, Use use) {
    if (!is_tensor(object.ptr())) return view_of_buffer(object.ptr(), what, use);
    return api != nullptr ? view_of_dlpack(object.ptr(), what) : view_of_attributes(object, what);
}

// Whether the core can read it where it lies: its last dimension, or all of it, contiguous.
bool is_readable(nb::handle tensor, bool contiguous) {
    if (!is_tensor(tensor.ptr())) return false;
    try {
        const View at = view(tensor, "a tensor");
        return contiguous ? at.is_contiguous() : at.dims == 0 || at.shape[at.dims - 1] == 1 || at.strides[at.dims - 1] == 1;
    } catch (const std::invalid_argument&) {
    } catch (const nb::python_error&) {
    }
    return false;
}

bool all_readable(const nb::list& tensors) {
    for (const nb::handle tensor : tensors) {
        if (!is_readable(tensor, false)) return false;
    }
    return true;
}

std::int64_t asked(nb::handle object, PyObject* method) {
    const nb::object answer = nb::steal(PyObject_CallMethodNoArgs(object.ptr(), method));
    if (!answer.is_valid()) nb::raise_python_error();
    return nb::cast<std::int64_t>(answer);
}

std::string name_of(Type type) {
    if (type.lanes != 1) return "an unknown type";
    const auto code = static_cast<nb::dlpack::dtype_code>(type.code);
    if (code == nb::dlpack::dtype_code::Bool) return "bool";
    const char* const kind = code == nb::dlpack::dtype_code::Float  ? "float"
                             : code == nb::dlpack::dtype_code::Int  ? "int"
                             : code == nb::dlpack::dtype_code::UInt ? "uint"
                                                                    : "unknown ";
    return kind + std::to_string(type.bits);
}

}  // namespace

std::int64_t View::size() const {
    std::int64_t count = 1;
    for (int k = 0; k < dims; ++k) count *= shape[k];
    return count;
}

bool View::has_shape(Shape expected) const {
    return static_cast<std::size_t>(dims) == expected.size() && std::equal(expected.begin(), expected.end(), shape);
}

bool View::is_contiguous() const {
    std::int64_t stride = 1;
    for (int k = dims; k-- > 0;) {
        if (shape[k] != 1 && strides[k] != stride) return false;
        stride *= shape[k];
    }
    return true;
}

bool View::is_aligned() const {
    return type.bits == 0 || reinterpret_cast<std::uintptr_t>(data) % (type.bits / 8) == 0;
}

View view(nb::handle object, const char* what, Use use) {
    if (object.is_none()) return {};
    const View to = described_by(object, what, use);
    if (!to.is_aligned()) refuse(what, "does not begin at a multiple of its element's size; pass a copy");
    if (to.data == nullptr && to.size() != 0) refuse(what, "has no memory: its storage was freed");
    return to;
}

View dense(nb::handle object, const char* what, Type type, Shape shape, Use use) {
    const View to = view(object, what, use);
    if (object.is_none()) return to;
    if (!(to.type == type) || !to.has_shape(shape)) {
        refuse(what, "is " + described(to.type, {to.shape, static_cast<std::size_t>(to.dims)}) + "; it must be " +
                         described(type, shape));
    }
    if (!to.is_contiguous()) refuse(what, "is not contiguous; pass a copy");
    return to;
}

std::string described(Type type, Shape shape) {
    std::string text = name_of(type) + " (";
    for (std::size_t k = 0; k < shape.size(); ++k) text += (k == 0 ? "" : ", ") + std::to_string(shape[k]);
    return text + (shape.size() == 1 ? ",)" : ")");
}

void check_storage(nb::handle object, const View& view, const char* what) {
    if (object.is_none() || !is_tensor(object.ptr()) || view.size() == 0) return;
    static PyObject* const untyped_storage = PyUnicode_InternFromString("untyped_storage");
    static PyObject* const nbytes = PyUnicode_InternFromString("nbytes");
    static PyObject* const storage_offset = PyUnicode_InternFromString("storage_offset");
    std::int64_t last = asked(object, storage_offset);
    for (int k = 0; k < view.dims; ++k) last += (view.shape[k] - 1) * view.strides[k];
    const nb::object storage = nb::steal(PyObject_CallMethodNoArgs(object.ptr(), untyped_storage));
    if (!storage.is_valid()) nb::raise_python_error();
    const std::int64_t needed = (last + 1) * view.type.bits / 8, bytes = asked(storage, nbytes);
    if (bytes < needed) {
        refuse(what, "needs " + std::to_string(needed) + " bytes, and its storage has " + std::to_string(bytes) +
                         ": it was freed or shortened");
    }
}

void def_tensors(nb::module_& module) {
    // a copy, which belongs to other tensors, begins empty
    nb::class_<Addresses>(module, "Addresses", "Where storages were found to hold a tensor.")
        .def(nb::init<>())
        .def("__deepcopy__", [](const Addresses&, nb::handle) { return Addresses(); })
        .def("__reduce__",
             [](nb::handle self) { return nb::make_tuple(self.type(), nb::make_tuple()); });
    module.def(
        "use_tensors",
        [](nb::type_object tensor, nb::type_object parameter) {
            api = nullptr;
            tensor_type = reinterpret_cast<PyTypeObject*>(tensor.ptr());
            parameter_type = reinterpret_cast<PyTypeObject*>(parameter.ptr());
            const nb::object capsule = nb::getattr(tensor, "__dlpack_c_exchange_api__", nb::none());
            if (PyCapsule_IsValid(capsule.ptr(), "dlpack_exchange_api") == 0) return false;
            const auto* found =
                static_cast<const ExchangeApi*>(PyCapsule_GetPointer(capsule.ptr(), "dlpack_exchange_api"));
            while (found != nullptr && found->major != major_version) found = found->previous;
            if (found != nullptr && found->view != nullptr) api = found;
            return api != nullptr;
        },
        "tensor"_a, "parameter"_a,
        "Take tensors of exactly these types; whether they have DLPack's C interface, which is the fast way.");
    module.def("is_readable", &is_readable, "tensor"_a, "contiguous"_a,
               "Whether the core can read it where it lies, its last dimension or all of it contiguous.");
    module.def("all_readable", &all_readable, "tensors"_a, "The same of several, the last dimension contiguous.");
    module.def(
        "check_memory",
        [](nb::handle object, const char* what) {
            check_storage(object, described_by(object, what, Use::read), what);
        },
        "object"_a, "what"_a, "Raise a ValueError for a tensor whose storage does not hold it.");
}
