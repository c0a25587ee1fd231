// Recurrent layers for Python. The callers (src/elman/kernels.py, src/elman/nn/native.py) have checked types and shapes,
// and hold the memory. None is what layers.h says a null pointer is.
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
#include "bind_tensors.h"
#include "dispatch.h"
#include "layers.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using Address = std::uintptr_t;
template <class P>
P pointer(Address address) {
    return reinterpret_cast<P>(address);
}

// Those of a list, which must have so many, or where `or_none` none at all.
template <class P>
std::vector<P> pointers(nb::handle list, std::size_t count, const char* what, bool or_none = false) {
    const std::vector<void*> reached = reach_all(list);
    if (reached.size() != count && !(or_none && reached.empty())) {
        throw std::invalid_argument(std::string(what) + ": " + std::to_string(reached.size()) + ", not " +
                                    std::to_string(count));
    }
    std::vector<P> typed;
    typed.reserve(reached.size());
    for (void* const data : reached) typed.push_back(static_cast<P>(data));
    return typed;
}

// A batch, and which dimension of its tensors is time: 0, 1, or -1 where they are packed.
struct Steps {
    elman::Batch batch;
    int time;
};

template <class U>
elman::Rows<U> rows(nb::handle tensor, int time) {
    const Reached at = reach(tensor);
    if (time < 0) return {static_cast<U*>(at.data), 0, at.strides[0]};
    return {static_cast<U*>(at.data), at.strides[time], at.strides[1 - time]};
}

// What a run reads and writes, as Python gives it.
struct Call {
    nb::handle x, out;
    nb::handle tensors;  // the states, then the weights
    nb::handle dropout, zoneout, saved;
};

// The states' pointers and the weights' out of one list.
template <class T, class P>
std::pair<std::vector<P>, std::vector<P>> states_and_weights(const elman::Layers<T>& layers, nb::handle tensors,
                                                             const char* what) {
    std::vector<P> states = pointers<P>(tensors, layers.states() + layers.parts() * layers.part_arrays(), what);
    const auto first = states.begin() + static_cast<std::ptrdiff_t>(layers.states());
    std::vector<P> weights(first, states.end());
    states.erase(first, states.end());
    return {std::move(states), std::move(weights)};
}

template <class T>
elman::ForwardCall<T> forward_call(const elman::Layers<T>& layers, const Call& call, int time, std::vector<T*> finals) {
    const std::size_t parts = layers.parts(), states = layers.states();
    auto [initial, weights] = states_and_weights<T, const T*>(layers, call.tensors, "states and weights");
    return {rows<const T>(call.x, time),
            rows<T>(call.out, time),
            std::move(initial),
            std::move(finals),
            std::move(weights),
            pointers<const T*>(call.dropout, parts, "dropout", true),
            pointers<const std::uint8_t*>(call.zoneout, parts * states, "zoneout", true),
            static_cast<T*>(reach(call.saved).data)};
}

// The shapes of all weights, in their order.
template <class T>
std::vector<std::vector<std::int64_t>> shapes(const elman::Layers<T>& layers) {
    const elman::Layout& layout = layers.layout();
    const auto hidden = static_cast<std::int64_t>(layout.hidden_size),
               proj = static_cast<std::int64_t>(layout.proj_size), gates = layers.plan().x_blocks * hidden,
               recurrent = proj ? proj : hidden;
    std::vector<std::vector<std::int64_t>> all;
    for (std::size_t part = 0; part < layers.parts(); ++part) {
        const bool first = part < layout.directions;
        const auto input =
            static_cast<std::int64_t>(first ? layout.input_size : layout.directions) * (first ? 1 : recurrent);
        all.push_back({gates, input});
        all.push_back({gates, recurrent});
        all.insert(all.end(), layout.bias ? 2 : 0, {gates});
        all.insert(all.end(), static_cast<std::size_t>(layers.plan().extra), {hidden});
        all.insert(all.end(), layout.layer_norm ? 2 : 0, {gates});
        if (proj) all.push_back({proj, hidden});
    }
    return all;
}

// Single steps of a stack whose weights are packed once.
template <class T>
class Stepper {
public:
    using In = nb::ndarray<const T, nb::c_contig, nb::device::cpu>;
    using Out = nb::ndarray<T, nb::c_contig, nb::device::cpu>;

    Stepper(const elman::Layers<T>& layers, nb::handle weights, int threads)
        : layers_(layers),
          prepared_(layers.prepare(pointers<const T*>(weights, layers.parts() * layers.part_arrays(), "weights"))),
          threads_(threads) {}

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
        layers_.forward({1, rows, nullptr, nullptr, false, nullptr, 0, 0, threads_}, call, prepared_.get());
    }

private:
    const elman::Layers<T> layers_;
    const std::shared_ptr<const elman::Prepared<T>> prepared_;
    const int threads_;
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
        : layers_(make(std::move(layout), double_precision, *kernels_of(target))),
          shapes_(std::visit([](const auto& layers) { return shapes(layers); }, layers_)) {}

    // Whether the weights are as the kernels take them: on the CPU, contiguous, of this type and these shapes.
    bool accepts(nb::handle weights) const {
        const nb::dlpack::dtype type =
            std::visit([]<class T>(const elman::Layers<T>&) { return nb::dtype<T>(); }, layers_);
        const nb::object items = nb::steal(PySequence_Fast(weights.ptr(), "neither a list nor a tuple of weights"));
        if (!items.is_valid()) nb::raise_python_error();
        if (static_cast<std::size_t>(PySequence_Fast_GET_SIZE(items.ptr())) != shapes_.size()) return false;
        for (std::size_t k = 0; k < shapes_.size(); ++k) {
            if (!is_plain(PySequence_Fast_GET_ITEM(items.ptr(), static_cast<Py_ssize_t>(k)), type, shapes_[k]))
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
    nb::class_<Steps>(module, "Batch", "Which steps of which rows there are; see layers.h.")
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
