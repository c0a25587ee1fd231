// Recurrent layers for Python.
#include "recurrence/layers.h"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <utility>
#include <variant>

#include "bind/arguments.h"
#include "bind/bind.h"
#include "bind/stepper.h"
#include "bind/tensors.h"
#include "runtime/dispatch.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using Address = std::uintptr_t;
template <class P>
P pointer(Address address) {
    return reinterpret_cast<P>(address);
}

// One Python class for both element types.
class AnyLayers {
public:
    AnyLayers(elman::Layout layout, bool double_precision, std::optional<std::string_view> target)
        : layers_(make(std::move(layout), double_precision, *kernels_of(target))),
          shapes_(std::visit([](const auto& layers) { return shapes(layers); }, layers_)) {}

    // Whether all weights are on the CPU, contiguous, and of the stack's type and shapes.
    bool accepts(nb::handle weights) const {
        const nb::dlpack::dtype type =
            std::visit([]<class T>(const elman::Layers<T>&) { return nb::dtype<T>(); }, layers_);
        const nb::object items = nb::steal(PySequence_Fast(weights.ptr(), "neither a list nor a tuple of weights"));
        if (!items.is_valid()) nb::raise_python_error();
        if (static_cast<std::size_t>(PySequence_Fast_GET_SIZE(items.ptr())) != shapes_.size()) return false;
        for (std::size_t k = 0; k < shapes_.size(); ++k) {
            if (!is_dense(PySequence_Fast_GET_ITEM(items.ptr(), static_cast<Py_ssize_t>(k)), type, shapes_[k]))
                return false;
        }
        return true;
    }

    void forward(const Steps& steps, nb::handle x, nb::handle out, nb::handle tensors, nb::handle dropout,
                 nb::handle zoneout, nb::handle saved, nb::handle finals) const {
        const Call call{x, out, tensors, dropout, zoneout, saved};
        std::visit(
            [&]<class T>(const elman::Layers<T>& layers) {
                const auto native =
                    forward_call(layers, call, steps.time, pointers<T*>(finals, layers.states(), "finals"));
                const nb::gil_scoped_release unlocked;
                layers.forward(steps.batch, native);
            },
            layers_);
    }

    void backward(const Steps& steps, nb::handle x, nb::handle out, nb::handle tensors, nb::handle dropout,
                  nb::handle zoneout, nb::handle saved, nb::handle d_out, nb::handle d_finals, nb::handle d_x,
                  nb::handle d_tensors) const {
        const Call call{x, out, tensors, dropout, zoneout, saved};
        std::visit(
            [&]<class T>(const elman::Layers<T>& layers) {
                const std::size_t states = layers.states();
                auto [d_states, d_weights] = states_and_weights<T, T*>(layers, d_tensors, "d_tensors");
                const elman::BackwardCall<T> native = {
                    forward_call(layers, call, steps.time, std::vector<T*>(states, nullptr)),
                    rows<const T>(d_out, steps.time),
                    pointers<const T*>(d_finals, states, "d_finals"),
                    rows<T>(d_x, steps.time),
                    std::move(d_states),
                    std::move(d_weights)};
                const nb::gil_scoped_release unlocked;
                layers.backward(steps.batch, native);
            },
            layers_);
    }

    nb::object stepper(nb::handle weights, int threads) const {
        return std::visit(
            [&]<class T>(const elman::Layers<T>& layers) { return nb::cast(Stepper<T>(layers, weights, threads)); },
            layers_);
    }

    std::size_t saved_size(const Steps& steps, bool zoneout) const {
        return std::visit([&](const auto& layers) { return layers.saved_size(steps.batch, zoneout); }, layers_);
    }

private:
    using Variant = std::variant<elman::Layers<float>, elman::Layers<double>>;

    static const elman::Kernels* kernels_of(std::optional<std::string_view> target) {
        return (target ? elman::find_target(*target) : elman::active_target()).kernels;
    }
    static Variant make(elman::Layout layout, bool double_precision, const elman::Kernels& kernels) {
        if (double_precision) return elman::Layers<double>(std::move(layout), kernels.f64);
        return elman::Layers<float>(std::move(layout), kernels.f32);
    }

    Variant layers_;
    std::vector<std::vector<std::int64_t>> shapes_;
};

}  // namespace

void def_layers(nb::module_& module) {
    nb::class_<Steps>(module, "Batch", "The steps and rows of a batch; see native/recurrence/call.h.")
        .def(
            "__init__",
            [](Steps* self, std::size_t steps, std::size_t rows, Address counts, Address order, int time,
               Address resets, std::ptrdiff_t reset_time, std::ptrdiff_t reset_row, int threads) {
                new (self)
                    Steps{{steps, rows, pointer<const std::int64_t*>(counts), pointer<const std::int64_t*>(order),
                           time < 0, pointer<const std::uint8_t*>(resets), reset_time, reset_row, threads},
                          time};
            },
            "steps"_a, "rows"_a, "counts"_a, "order"_a, "time"_a, "resets"_a, "reset_time"_a, "reset_row"_a,
            "threads"_a);
    def_stepper<float>(module, "Stepper32");
    def_stepper<double>(module, "Stepper64");
    nb::class_<AnyLayers>(module, "Layers", "A stack of recurrent layers.")
        .def(
            "__init__",
            [](AnyLayers* self, std::string cell, std::size_t input_size, std::size_t hidden_size,
               std::size_t num_layers, std::size_t directions, std::size_t proj_size, bool bias, bool layer_norm,
               std::vector<double> zoneout, bool double_precision, std::optional<std::string_view> target) {
                new (self) AnyLayers({std::move(cell), input_size, hidden_size, num_layers, directions, proj_size, bias,
                                      layer_norm, std::move(zoneout)},
                                     double_precision, target);
            },
            "cell"_a, "input_size"_a, "hidden_size"_a, "num_layers"_a, "directions"_a, "proj_size"_a, "bias"_a,
            "layer_norm"_a, "zoneout"_a, "double_precision"_a, "target"_a = nb::none())
        .def("accepts", &AnyLayers::accepts, "weights"_a)
        .def("forward", &AnyLayers::forward, "batch"_a, "x"_a, "out"_a, "tensors"_a, "dropout"_a.none(),
             "zoneout"_a.none(), "saved"_a.none(), "finals"_a)
        .def("backward", &AnyLayers::backward, "batch"_a, "x"_a, "out"_a, "tensors"_a, "dropout"_a.none(),
             "zoneout"_a.none(), "saved"_a.none(), "d_out"_a.none(), "d_finals"_a, "d_x"_a.none(), "d_tensors"_a)
        .def("stepper", &AnyLayers::stepper, "weights"_a, "threads"_a)
        .def("saved_size", &AnyLayers::saved_size, "batch"_a, "zoneout"_a);
}
