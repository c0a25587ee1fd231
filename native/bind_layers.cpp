// Recurrent layers for Python. Tensors come as addresses and element strides: the callers (src/elman/kernels.py,
// src/elman/nn/native.py) have checked types and shapes, and hold the memory. A null address is what layers.h says it is.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <stdexcept>
#include <utility>
#include <variant>

#include "bind.h"
#include "dispatch.h"
#include "layers.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using Address = std::uintptr_t;
using Addresses = std::vector<Address>;

template <class P>
P pointer(Address address) {
    return reinterpret_cast<P>(address);
}

template <class P>
std::vector<P> pointers(const Addresses& addresses, std::size_t count, const char* what) {
    if (addresses.size() != count) {
        throw std::invalid_argument(std::string(what) + ": " + std::to_string(addresses.size()) + " addresses, not " +
                                    std::to_string(count));
    }
    std::vector<P> list;
    list.reserve(count);
    for (const Address address : addresses) list.push_back(pointer<P>(address));
    return list;
}

template <class U>
elman::Rows<U> rows(Address address, std::ptrdiff_t time, std::ptrdiff_t row) {
    return {pointer<U*>(address), time, row};
}

// What a run reads and writes, as Python gives it.
struct Call {
    Address x;
    std::ptrdiff_t x_time, x_row;
    Address out;
    std::ptrdiff_t out_time, out_row;
    const Addresses& tensors;  // the states, then the weights
    const Addresses &dropout, &zoneout;
    Address saved;
};

// The states' pointers and the weights' out of one list.
template <class T, class P>
std::pair<std::vector<P>, std::vector<P>> states_and_weights(const elman::Layers<T>& layers, const Addresses& tensors,
                                                             const char* what) {
    std::vector<P> states = pointers<P>(tensors, layers.states() + layers.parts() * layers.part_arrays(), what);
    const auto first = states.begin() + static_cast<std::ptrdiff_t>(layers.states());
    std::vector<P> weights(first, states.end());
    states.erase(first, states.end());
    return {std::move(states), std::move(weights)};
}

template <class T>
elman::ForwardCall<T> forward_call(const elman::Layers<T>& layers, const Call& call, const Addresses& finals) {
    const std::size_t parts = layers.parts(), states = layers.states();
    auto [initial, weights] = states_and_weights<T, const T*>(layers, call.tensors, "states and weights");
    return {rows<const T>(call.x, call.x_time, call.x_row),
            rows<T>(call.out, call.out_time, call.out_row),
            std::move(initial),
            pointers<T*>(finals, states, "finals"),
            std::move(weights),
            pointers<const T*>(call.dropout, call.dropout.empty() ? 0 : parts, "dropout"),
            pointers<const std::uint8_t*>(call.zoneout, call.zoneout.empty() ? 0 : parts * states, "zoneout"),
            pointer<T*>(call.saved)};
}

// Single steps of a stack whose weights are packed once.
template <class T>
class Stepper {
public:
    using In = nb::ndarray<const T, nb::c_contig, nb::device::cpu>;
    using Out = nb::ndarray<T, nb::c_contig, nb::device::cpu>;

    Stepper(const elman::Layers<T>& layers, const Addresses& weights)
        : layers_(layers),
          prepared_(layers.prepare(pointers<const T*>(weights, layers.parts() * layers.part_arrays(), "weights"))) {}

    // The states (L, rows, size) and new ones; c is None for a cell that has none.
    void step(const In& x, const In& h, std::optional<In> c, const Out& y, const Out& h_new,
              std::optional<Out> c_new) const {
        const elman::Layout& layout = layers_.layout();
        const std::size_t size = layout.proj_size ? layout.proj_size : layout.hidden_size,
                          rows = x.size() / layout.input_size;
        const std::size_t cells = layers_.states() > 1 ? layout.num_layers * rows * layout.hidden_size : 0;
        if (layout.directions != 1 || x.size() != rows * layout.input_size || y.size() != rows * size ||
            h.size() != layout.num_layers * rows * size || h_new.size() != h.size() || (c ? c->size() : 0) != cells ||
            (c_new ? c_new->size() : 0) != cells) {
            throw std::invalid_argument("arrays of other sizes than a step of this stack takes");
        }
        const auto width = static_cast<std::ptrdiff_t>(layout.input_size), out = static_cast<std::ptrdiff_t>(size);
        elman::ForwardCall<T> call{
            {x.data(), 0, width}, {y.data(), 0, out}, {h.data()}, {h_new.data()}, {}, {}, {}, nullptr};
        if (cells != 0) {
            call.states.push_back(c->data());
            call.finals.push_back(c_new->data());
        }
        const nb::gil_scoped_release unlocked;
        layers_.forward({1, rows, nullptr, nullptr, false, nullptr, 0, 0, 1}, call, prepared_.get());
    }

private:
    const elman::Layers<T> layers_;
    const std::shared_ptr<const elman::Prepared<T>> prepared_;
};

template <class T>
void def_stepper(nb::module_& module, const char* name) {
    nb::class_<Stepper<T>>(module, name, "Single steps of a stack whose weights are packed once.")
        .def("step", &Stepper<T>::step, nb::arg("x").noconvert(), nb::arg("h").noconvert(), nb::arg("c").none(),
             nb::arg("y").noconvert(), nb::arg("h_new").noconvert(), nb::arg("c_new").none());
}

// Either element type behind one Python class.
class AnyLayers {
public:
    AnyLayers(elman::Layout layout, bool double_precision, std::optional<std::string_view> target)
        : layers_(make(std::move(layout), double_precision, *kernels_of(target))) {}

    void forward(const elman::Batch& batch, Address x, std::ptrdiff_t x_time, std::ptrdiff_t x_row, Address out,
                 std::ptrdiff_t out_time, std::ptrdiff_t out_row, const Addresses& tensors, const Addresses& dropout,
                 const Addresses& zoneout, Address saved, const Addresses& finals) const {
        const Call call{x, x_time, x_row, out, out_time, out_row, tensors, dropout, zoneout, saved};
        std::visit(
            [&](const auto& layers) {
                const auto native = forward_call(layers, call, finals);
                const nb::gil_scoped_release unlocked;
                layers.forward(batch, native);
            },
            layers_);
    }

    void backward(const elman::Batch& batch, Address x, std::ptrdiff_t x_time, std::ptrdiff_t x_row, Address out,
                  std::ptrdiff_t out_time, std::ptrdiff_t out_row, const Addresses& tensors, const Addresses& dropout,
                  const Addresses& zoneout, Address saved, Address d_out, std::ptrdiff_t d_out_time,
                  std::ptrdiff_t d_out_row, const Addresses& d_finals, Address d_x, std::ptrdiff_t d_x_time,
                  std::ptrdiff_t d_x_row, const Addresses& d_tensors) const {
        const Call call{x, x_time, x_row, out, out_time, out_row, tensors, dropout, zoneout, saved};
        std::visit(
            [&]<class T>(const elman::Layers<T>& layers) {
                const std::size_t states = layers.states();
                auto [d_states, d_weights] = states_and_weights<T, T*>(layers, d_tensors, "d_tensors");
                const elman::BackwardCall<T> native = {forward_call(layers, call, Addresses(states, 0)),
                                                       rows<const T>(d_out, d_out_time, d_out_row),
                                                       pointers<const T*>(d_finals, states, "d_finals"),
                                                       rows<T>(d_x, d_x_time, d_x_row),
                                                       std::move(d_states),
                                                       std::move(d_weights)};
                const nb::gil_scoped_release unlocked;
                layers.backward(batch, native);
            },
            layers_);
    }

    nb::object stepper(const Addresses& weights) const {
        return std::visit(
            [&]<class T>(const elman::Layers<T>& layers) { return nb::cast(Stepper<T>(layers, weights)); }, layers_);
    }

    std::size_t saved_size(const elman::Batch& batch) const {
        return std::visit([&](const auto& layers) { return layers.saved_size(batch); }, layers_);
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
};

}  // namespace

void def_layers(nb::module_& module) {
    nb::class_<elman::Batch>(module, "Batch", "Which steps of which rows there are; see layers.h.")
        .def(
            "__init__",
            [](elman::Batch* self, std::size_t steps, std::size_t rows, Address counts, Address order, bool packed,
               Address resets, std::ptrdiff_t reset_time, std::ptrdiff_t reset_row, int threads) {
                new (self) elman::Batch{steps,
                                        rows,
                                        pointer<const std::int64_t*>(counts),
                                        pointer<const std::int64_t*>(order),
                                        packed,
                                        pointer<const std::uint8_t*>(resets),
                                        reset_time,
                                        reset_row,
                                        threads};
            },
            "steps"_a, "rows"_a, "counts"_a, "order"_a, "packed"_a, "resets"_a, "reset_time"_a, "reset_row"_a,
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
        .def("forward", &AnyLayers::forward, "batch"_a, "x"_a, "x_time"_a, "x_row"_a, "out"_a, "out_time"_a,
             "out_row"_a, "tensors"_a, "dropout"_a, "zoneout"_a, "saved"_a, "finals"_a)
        .def("backward", &AnyLayers::backward, "batch"_a, "x"_a, "x_time"_a, "x_row"_a, "out"_a, "out_time"_a,
             "out_row"_a, "tensors"_a, "dropout"_a, "zoneout"_a, "saved"_a, "d_out"_a, "d_out_time"_a, "d_out_row"_a,
             "d_finals"_a, "d_x"_a, "d_x_time"_a, "d_x_row"_a, "d_tensors"_a)
        .def("stepper", &AnyLayers::stepper, "weights"_a)
        .def("saved_size", &AnyLayers::saved_size, "batch"_a);
}
