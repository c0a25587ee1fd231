#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/vector.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include "bind/arguments.h"
#include "recurrence/layers.h"

// Single steps of a stack whose weights are packed once.
template <class T>
class Stepper {
public:
    using In = nanobind::ndarray<const T, nanobind::c_contig, nanobind::device::cpu>;
    using Out = nanobind::ndarray<T, nanobind::c_contig, nanobind::device::cpu>;

    Stepper(const elman::Layers<T>& layers, const Shapes& shapes, nanobind::handle weights, int threads, bool eight_bit)
        : layers_(layers), prepared_(layers.prepare(pointers(shapes, weights), eight_bit)), threads_(threads) {
        if (eight_bit && sizeof(T) != 4) throw std::invalid_argument("only float32 weights are rounded to eight bits");
    }

    // The states (L, rows, size) and new ones; c is None for a cell that has none.
    void step(const In& x, const In& h, std::optional<In> c, const Out& y, const Out& h_new,
              std::optional<Out> c_new) const {
        const std::size_t hidden = layers_.layout().hidden_size;
        const bool cell = layers_.states() > 1;
        if (layers_.states() > 2 || !fits(x, y) || !fits(h, x, true, output_size()) ||
            !fits(h_new, x, true, output_size()) || c.has_value() != cell || c_new.has_value() != cell ||
            (cell && !fits(*c, x, true, hidden)) || (cell && !fits(*c_new, x, true, hidden))) {
            throw std::invalid_argument(other_shapes);
        }
        elman::ForwardCall<T> call = call_of(x, y);
        call.states.push_back(h.data());
        call.finals.push_back(h_new.data());
        if (cell) {
            call.states.push_back(c->data());
            call.finals.push_back(c_new->data());
        }
        run(x, call);
    }

    // The same with any number of states.
    void step_of_many(const In& x, const std::vector<In>& states, const Out& y, const std::vector<Out>& new_states) const {
        if (!fits(x, y) || !all_fit(states, x) || !all_fit(new_states, x)) throw std::invalid_argument(other_shapes);
        elman::ForwardCall<T> call = call_of(x, y);
        for (const In& state : states) call.states.push_back(state.data());
        for (const Out& state : new_states) call.finals.push_back(state.data());
        run(x, call);
    }

private:
    static constexpr const char* other_shapes = "arrays of other shapes than a step of this stack takes";

    std::size_t output_size() const {
        const elman::Layout& layout = layers_.layout();
        return layout.proj_size ? layout.proj_size : layout.hidden_size;
    }
    bool fits(const In& x, const Out& y) const {
        const elman::Layout& layout = layers_.layout();
        return layout.directions == 1 && fits(x, x, false, layout.input_size) && fits(y, x, false, output_size());
    }
    elman::ForwardCall<T> call_of(const In& x, const Out& y) const {
        const auto width = static_cast<std::ptrdiff_t>(layers_.layout().input_size),
                   out = static_cast<std::ptrdiff_t>(output_size());
        return {{x.data(), 0, width}, {y.data(), 0, out}, {}, {}, {}, {}, {}, nullptr};
    }
    void run(const In& x, const elman::ForwardCall<T>& call) const {
        const std::size_t rows = x.size() / layers_.layout().input_size;
        const nanobind::gil_scoped_release unlocked;
        layers_.forward({1, rows, nullptr, nullptr, false, nullptr, 0, 0, threads_}, call, prepared_.get());
    }

    static std::vector<const T*> pointers(const Shapes& shapes, nanobind::handle weights) {
        const Items items(weights, shapes.size(), "weights");
        std::vector<const T*> all;
        for (std::size_t k = 0; k < shapes.size(); ++k) {
            const View at = dense(items[k], "a weight", nanobind::dtype<T>(), shapes[k]);
            if (at.data == nullptr) throw std::invalid_argument("a weight is missing");
            check_storage(items[k], at, "a weight");
            all.push_back(static_cast<const T*>(at.data));
        }
        return all;
    }

    // Whether an array is aligned and has x's batch dimension, if any: (B, size), or (L, B, size) for states.
    template <class Array>
    bool fits(const Array& array, const In& x, bool state, std::size_t size) const {
        const std::size_t dims = x.ndim() + (state ? 1 : 0);
        return array.ndim() == dims && array.shape(dims - 1) == size &&
               (x.ndim() == 1 || (x.ndim() == 2 && array.shape(dims - 2) == x.shape(0))) &&
               (!state || array.shape(0) == layers_.layout().num_layers) &&
               reinterpret_cast<std::uintptr_t>(array.data()) % alignof(T) == 0;
    }

    template <class Array>
    bool all_fit(const std::vector<Array>& states, const In& x) const {
        bool good = states.size() == layers_.states();
        for (std::size_t k = 0; good && k < states.size(); ++k) {
            good = fits(states[k], x, true, k == 0 ? output_size() : layers_.layout().hidden_size);
        }
        return good;
    }

    const elman::Layers<T> layers_;
    const std::shared_ptr<const elman::Prepared<T>> prepared_;
    const int threads_;
};

template <class T>
void def_stepper(nanobind::module_& module, const char* name) {
    nanobind::class_<Stepper<T>>(module, name, "Single steps of a stack whose weights are packed once.")
        .def("step", &Stepper<T>::step, nanobind::arg("x").noconvert(), nanobind::arg("h").noconvert(),
             nanobind::arg("c").none(), nanobind::arg("y").noconvert(), nanobind::arg("h_new").noconvert(),
             nanobind::arg("c_new").none())
        .def("step", &Stepper<T>::step_of_many, nanobind::arg("x").noconvert(), nanobind::arg("states").noconvert(),
             nanobind::arg("y").noconvert(), nanobind::arg("new_states").noconvert());
}
