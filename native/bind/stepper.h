#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>

#include "bind/arguments.h"
#include "recurrence/layers.h"

// Single steps of a stack whose weights are packed once.
template <class T>
class Stepper {
public:
    using In = nanobind::ndarray<const T, nanobind::c_contig, nanobind::device::cpu>;
    using Out = nanobind::ndarray<T, nanobind::c_contig, nanobind::device::cpu>;

    Stepper(const elman::Layers<T>& layers, nanobind::handle weights, int threads)
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
        const nanobind::gil_scoped_release unlocked;
        layers_.forward({1, rows, nullptr, nullptr, false, nullptr, 0, 0, threads_}, call, prepared_.get());
    }

private:
    const elman::Layers<T> layers_;
    const std::shared_ptr<const elman::Prepared<T>> prepared_;
    const int threads_;
};

template <class T>
void def_stepper(nanobind::module_& module, const char* name) {
    nanobind::class_<Stepper<T>>(module, name, "Single steps of a stack whose weights are packed once.")
        .def("step", &Stepper<T>::step, nanobind::arg("x").noconvert(), nanobind::arg("h").noconvert(),
             nanobind::arg("c").none(), nanobind::arg("y").noconvert(), nanobind::arg("h_new").noconvert(),
             nanobind::arg("c_new").none());
}
