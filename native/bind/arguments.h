// The arguments of a call, from Python's objects to the core's: each is checked against what the layers expect of it.
// The caller holds the memory. None is what recurrence/call.h says a null pointer is.
#pragma once

#include <nanobind/nanobind.h>

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "bind/steps.h"
#include "bind/tensors.h"
#include "recurrence/layers.h"

// What a run reads and writes, as Python gives it.
struct Call {
    nanobind::handle x, out;
    nanobind::handle tensors;  // the states, then the weights
    nanobind::handle dropout, zoneout, saved;
};

using Shapes = std::vector<std::vector<std::int64_t>>;

// The shapes of all weights, in their order.
template <class T>
Shapes weight_shapes(const elman::Layers<T>& layers) {
    const elman::Layout& layout = layers.layout();
    const auto hidden = static_cast<std::int64_t>(layout.hidden_size),
               proj = static_cast<std::int64_t>(layout.proj_size), gates = layers.plan().x_blocks * hidden,
               recurrent = proj ? proj : hidden;
    const std::size_t pair = layers.plan().h_blocks ? 2 : 1;
    Shapes all;
    for (std::size_t part = 0; part < layers.parts(); ++part) {
        const bool first = part < layout.directions;
        const auto input =
            static_cast<std::int64_t>(first ? layout.input_size : layout.directions) * (first ? 1 : recurrent);
        all.push_back({gates, input});
        if (pair > 1) all.push_back({gates, recurrent / static_cast<std::int64_t>(layout.heads)});
        all.insert(all.end(), layout.bias ? pair : 0, {gates});
        all.insert(all.end(), static_cast<std::size_t>(layers.plan().extra), {hidden});
        all.insert(all.end(), layout.layer_norm ? pair : 0, {gates});
        if (proj) all.push_back({proj, hidden});
    }
    return all;
}

// The objects of a tuple or list, which must be so many; None is none at all.
class Items {
public:
    Items(nanobind::handle list, std::size_t count, const char* what, bool or_none = false) {
        if (list.is_none() && or_none) return;
        items_ = nanobind::steal(PySequence_Fast(list.ptr(), "neither a list nor a tuple"));
        if (!items_.is_valid()) nanobind::raise_python_error();
        size_ = static_cast<std::size_t>(PySequence_Fast_GET_SIZE(items_.ptr()));
        if (size_ != count) {
            throw std::invalid_argument(std::string(what) + ": " + std::to_string(size_) + ", not " +
                                        std::to_string(count));
        }
    }
    std::size_t size() const { return size_; }
    nanobind::handle operator[](std::size_t k) const {
        return PySequence_Fast_GET_ITEM(items_.ptr(), static_cast<Py_ssize_t>(k));
    }

private:
    nanobind::object items_;
    std::size_t size_ = 0;
};

// Reads one call's arguments.
template <class T>
class Arguments {
public:
    // `known`, if given: addresses of an earlier call with the same tensors; `found`: those of this call, to be filled.
    Arguments(const elman::Layers<T>& layers, const Shapes& weights, const Steps& steps, const Addresses* known,
              Addresses* found)
        : layers_(layers), weights_(weights), steps_(steps), known_(known), found_(found) {
        if (found == nullptr) return;
        found->all.clear();
        found->all.reserve(weights.size() + 2 * layers.states() + 3);
    }

    // Whether an input and states are as `forward` takes them; their storages are not looked at.
    bool fit(nanobind::handle x, nanobind::handle given) const {
        try {
            const View at = view(x, "input");
            const auto [shape, dims] = shape_of_rows(layers_.layout().input_size);
            if (!(at.type == nanobind::dtype<T>()) || !at.has_shape(Shape(shape).last(dims))) return false;
            if (shape[2] > 1 && at.strides[at.dims - 1] != 1) return false;
            const Items items(given, layers_.states(), "hx");
            for (std::size_t k = 0; k < items.size(); ++k) {
                dense(items[k], "hx", nanobind::dtype<T>(), state_shape(k));
            }
            return true;
        } catch (const std::invalid_argument&) {
        } catch (const nanobind::python_error&) {
        }
        return false;
    }

    elman::ForwardCall<T> forward(const Call& call, nanobind::handle finals) {
        elman::ForwardCall<T> to;
        to.x = rows<const T>(call.x, layers_.layout().input_size, "input");
        tensors(call.tensors, Use::read, "hx", to.states, to.weights, true);
        to.out = rows<T>(call.out, width(), "output");
        to.saved = static_cast<T*>(saved(call));
        to.dropout = masks<const T>(call.dropout, 1, "dropout", nanobind::dtype<T>(), false);
        to.zoneout =
            masks<const std::uint8_t>(call.zoneout, layers_.states(), "zoneout", nanobind::dtype<bool>(), true);
        if (finals.is_none()) {
            to.finals.assign(layers_.states(), nullptr);
        } else {
            to.finals = states<T>(finals, Use::write, "final states");
        }
        return to;
    }

    elman::BackwardCall<T> backward(const Call& call, nanobind::handle d_out, nanobind::handle d_finals,
                                    nanobind::handle d_x, nanobind::handle d_tensors) {
        elman::BackwardCall<T> to{forward(call, nanobind::none())};
        known_ = nullptr;
        to.d_out = rows<const T>(d_out, width(), "the output's gradient");
        to.d_finals = states<const T>(d_finals, Use::read, "a final state's gradient");
        to.d_x = rows<T>(d_x, layers_.layout().input_size, "the input's gradient");
        tensors(d_tensors, Use::write, "a gradient", to.d_states, to.d_weights, false);
        return to;
    }

private:
    using Type = nanobind::dlpack::dtype;

    std::int64_t recurrent() const {
        const elman::Layout& layout = layers_.layout();
        return static_cast<std::int64_t>(layout.proj_size ? layout.proj_size : layout.hidden_size);
    }
    std::size_t width() const { return layers_.layout().directions * static_cast<std::size_t>(recurrent()); }
    std::int64_t batch_rows() const { return static_cast<std::int64_t>(steps_.batch.rows); }
    // The shape of an input or output, which is the last `second` dimensions of `first`.
    std::pair<std::array<std::int64_t, 3>, std::size_t> shape_of_rows(std::size_t size) const {
        const auto steps = static_cast<std::int64_t>(steps_.batch.steps), last = static_cast<std::int64_t>(size);
        if (steps_.time < 0) return {{1, static_cast<std::int64_t>(steps_.total), last}, 2};
        if (steps_.time == 1) return {{batch_rows(), steps, last}, 3};
        return {{steps, batch_rows(), last}, 3};
    }
    std::array<std::int64_t, 3> state_shape(std::size_t k) const {
        const auto hidden = static_cast<std::int64_t>(layers_.layout().hidden_size);
        return {static_cast<std::int64_t>(layers_.parts()), batch_rows(), k == 0 ? recurrent() : hidden};
    }

    // What a program may have freed is checked, unless it lies where it lay when it was checked before. `ours`: what a
    // forward call has just made, or has checked already; not so in backward, where hooks may have replaced it.
    void check(nanobind::handle object, const View& at, const char* what, bool ours = false) {
        const std::size_t k = next_++;
        const bool same = known_ != nullptr && k < known_->all.size() && known_->all[k] == at.data;
        if (!same && !(ours && known_ == nullptr)) check_storage(object, at, what);
        if (found_ != nullptr) found_->all.push_back(at.data);
    }

    template <class U>
    elman::Rows<U> rows(nanobind::handle object, std::size_t size, const char* what) {
        constexpr Use use = std::is_const_v<U> ? Use::read : Use::write;
        const View at = view(object, what, use);
        if (object.is_none()) return {};
        const auto [shape, dims] = shape_of_rows(size);
        const Shape expected = Shape(shape).last(dims);
        if (!(at.type == nanobind::dtype<T>()) || !at.has_shape(expected)) {
            throw std::invalid_argument(std::string(what) + " is " +
                                        described(at.type, {at.shape, static_cast<std::size_t>(at.dims)}) +
                                        "; it must be " + described(nanobind::dtype<T>(), expected));
        }
        if (shape[2] > 1 && at.strides[at.dims - 1] != 1) {
            throw std::invalid_argument(std::string(what) + " has its features apart in memory; pass a copy");
        }
        check(object, at, what, use == Use::write);
        U* const data = static_cast<U*>(at.data);
        if (steps_.time < 0) return {data, 0, at.strides[0]};
        return {data, at.strides[steps_.time], at.strides[1 - steps_.time]};
    }

    template <class U>
    std::vector<U*> states(nanobind::handle list, Use use, const char* what) {
        const Items items(list, layers_.states(), what);
        std::vector<U*> to;
        to.reserve(items.size());
        for (std::size_t k = 0; k < items.size(); ++k) to.push_back(state<U>(items[k], k, use, what));
        return to;
    }

    template <class U>
    U* state(nanobind::handle object, std::size_t k, Use use, const char* what) {
        const View at = dense(object, what, nanobind::dtype<T>(), state_shape(k), use);
        check(object, at, what, use == Use::write);
        return static_cast<U*>(at.data);
    }

    // The states' pointers and the weights' out of one list.
    template <class U>
    void tensors(nanobind::handle list, Use use, const char* what, std::vector<U*>& states, std::vector<U*>& weights,
                 bool needed) {
        const std::size_t first = layers_.states();
        const Items items(list, first + weights_.size(), "states and weights");
        states.reserve(first);
        weights.reserve(weights_.size());
        for (std::size_t k = 0; k < first; ++k) states.push_back(state<U>(items[k], k, use, what));
        for (std::size_t k = 0; k < weights_.size(); ++k) {
            const View at = dense(items[first + k], needed ? "a weight" : what, nanobind::dtype<T>(), weights_[k], use);
            if (needed && items[first + k].is_none()) throw std::invalid_argument("a weight is missing");
            check(items[first + k], at, "a weight", true);  // by accepts, or they are copies
            weights.push_back(static_cast<U*>(at.data));
        }
    }

    template <class U>
    std::vector<U*> masks(nanobind::handle list, std::size_t each, const char* what, Type type, bool steps) const {
        const Items items(list, layers_.parts() * each, what, true);
        std::vector<U*> to;
        to.reserve(items.size());
        for (std::size_t k = 0; k < items.size(); ++k) {
            std::array<std::int64_t, 3> shape = state_shape(k % each);
            shape[0] = static_cast<std::int64_t>(steps_.batch.steps);
            const Shape expected = steps ? Shape(shape) : Shape(shape).subspan(1);
            const View at = dense(items[k], what, type, expected);
            if (items[k].is_none()) throw std::invalid_argument(std::string(what) + " lacks a mask");
            to.push_back(static_cast<U*>(at.data));
        }
        return to;
    }

    void* saved(const Call& call) {
        if (call.saved.is_none()) return nullptr;
        const auto size = static_cast<std::int64_t>(layers_.saved_size(steps_.batch, !call.zoneout.is_none()));
        const View at = dense(call.saved, "the saved activations", nanobind::dtype<T>(), {&size, 1}, Use::write);
        check(call.saved, at, "the saved activations", true);
        return at.data;
    }

    const elman::Layers<T>& layers_;
    const Shapes& weights_;
    const Steps& steps_;
    const Addresses* known_;
    Addresses* found_;
    std::size_t next_ = 0;
};
