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

// Either element type behind one Python class.
class AnyLayers {
public:
    AnyLayers(elman::Layout layout, bool double_precision, std::optional<std::string_view> target)
        : layers_(make(std::move(layout), double_precision, *kernels_of(target))),
          shapes_(std::visit([](const auto& layers) { return weight_shapes(layers); }, layers_)) {}

    // Whether the kernels take the weights as they are: on the CPU, of this type, contiguous and of these shapes.
    // `known` holds the addresses of weights that were found to lie in their storages.
    bool accepts_weights(nb::handle weights, Addresses& known) const {
        const bool good =
            std::visit([&]<class T>(const elman::Layers<T>&) { return takes_weights<T>(weights, known); }, layers_);
        if (!good) known.all.clear();
        return good;
    }

    // The same of all that an inference takes; a state may be None. Storages of x and states are left to forward.
    bool accepts(const Steps& steps, nb::handle x, nb::handle states, nb::handle weights, Addresses& known) const {
        const bool good = std::visit(
            [&]<class T>(const elman::Layers<T>& layers) {
                return Arguments<T>(layers, shapes_, steps, nullptr, nullptr).fit(x, states);
            },
            layers_);
        return good && accepts_weights(weights, known);
    }

    void forward(const Steps& steps, nb::handle x, nb::handle out, nb::handle tensors, nb::handle dropout,
                 nb::handle zoneout, nb::handle saved, nb::handle finals, Addresses* found) const {
        const Call call{x, out, tensors, dropout, zoneout, saved};
        std::visit(
            [&]<class T>(const elman::Layers<T>& layers) {
                const auto native = Arguments<T>(layers, shapes_, steps, nullptr, found).forward(call, finals);
                const nb::gil_scoped_release unlocked;
                layers.forward(steps.batch, native);
            },
            layers_);
    }

    void backward(const Steps& steps, nb::handle x, nb::handle out, nb::handle tensors, nb::handle dropout,
                  nb::handle zoneout, nb::handle saved, nb::handle d_out, nb::handle d_finals, nb::handle d_x,
                  nb::handle d_tensors, const Addresses& known) const {
        const Call call{x, out, tensors, dropout, zoneout, saved};
        std::visit(
            [&]<class T>(const elman::Layers<T>& layers) {
                const auto native = Arguments<T>(layers, shapes_, steps, &known, nullptr)
                                        .backward(call, d_out, d_finals, d_x, d_tensors);
                if (native.forward.saved == nullptr) throw std::invalid_argument("the saved activations are missing");
                const nb::gil_scoped_release unlocked;
                layers.backward(steps.batch, native);
            },
            layers_);
    }

    nb::object stepper(nb::handle weights, int threads, bool eight_bit) const {
        return std::visit(
            [&]<class T>(const elman::Layers<T>& layers) {
                return nb::cast(Stepper<T>(layers, shapes_, weights, threads, eight_bit));
            },
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

    // What Python says is not a failure here: the caller looks at it, and says what is wrong.
    template <class T>
    bool takes_weights(nb::handle weights, Addresses& known) const {
        try {
            const Items items(weights, shapes_.size(), "weights");
            const bool first = known.all.size() != shapes_.size();
            if (first) known.all.assign(shapes_.size(), nullptr);
            for (std::size_t k = 0; k < shapes_.size(); ++k) {
                const View at = dense(items[k], "a weight", nb::dtype<T>(), shapes_[k]);
                if (at.data == nullptr) return false;
                if (known.all[k] != at.data) check_storage(items[k], at, "a weight");
                known.all[k] = at.data;
            }
            return true;
        } catch (const std::invalid_argument&) {
        } catch (const nb::python_error&) {
        }
        return false;
    }

    Variant layers_;
    Shapes shapes_;
};

}  // namespace

void def_layers(nb::module_& module) {
    nb::class_<Steps>(module, "Batch", "Which steps of which rows there are; see native/recurrence/call.h.")
        .def(nb::init<std::size_t, std::size_t, nb::object, nb::object, int, nb::object, int>(), "steps"_a, "rows"_a,
             "counts"_a.none(), "order"_a.none(), "time"_a, "resets"_a.none(), "threads"_a)
        .def_static("of_packed", &Steps::of_packed, "sizes"_a, "order"_a.none(), "inverse"_a.none(), "threads"_a)
        .def_prop_ro("rows", [](const Steps& self) { return self.batch.rows; });
    def_stepper<float>(module, "Stepper32");
    def_stepper<double>(module, "Stepper64");
    nb::class_<AnyLayers>(module, "Layers", "A stack of recurrent layers.")
        .def(
            "__init__",
            [](AnyLayers* self, std::string cell, std::size_t input_size, std::size_t hidden_size,
               std::size_t num_layers, std::size_t directions, std::size_t proj_size, std::size_t heads, bool bias,
               bool layer_norm, std::vector<double> zoneout, double option, bool double_precision, std::optional<std::string_view> target) {
                new (self) AnyLayers({std::move(cell), input_size, hidden_size, num_layers, directions, proj_size, heads,
                                      bias, layer_norm, std::move(zoneout), option},
                                     double_precision, target);
            },
            "cell"_a, "input_size"_a, "hidden_size"_a, "num_layers"_a, "directions"_a, "proj_size"_a, "heads"_a, "bias"_a,
            "layer_norm"_a, "zoneout"_a, "option"_a, "double_precision"_a, "target"_a = nb::none())
        .def("accepts", &AnyLayers::accepts, "batch"_a, "x"_a, "states"_a, "weights"_a, "known"_a)
        .def("accepts_weights", &AnyLayers::accepts_weights, "weights"_a, "known"_a)
        .def("forward", &AnyLayers::forward, "batch"_a, "x"_a, "out"_a, "tensors"_a, "dropout"_a.none(),
             "zoneout"_a.none(), "saved"_a.none(), "finals"_a, "found"_a.none() = nb::none())
        .def("backward", &AnyLayers::backward, "batch"_a, "x"_a, "out"_a, "tensors"_a, "dropout"_a.none(),
             "zoneout"_a.none(), "saved"_a.none(), "d_out"_a.none(), "d_finals"_a, "d_x"_a.none(), "d_tensors"_a, "known"_a)
        .def("stepper", &AnyLayers::stepper, "weights"_a, "threads"_a, "eight_bit"_a)
        .def("saved_size", &AnyLayers::saved_size, "batch"_a, "zoneout"_a);
}
