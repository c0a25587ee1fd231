// The arguments of a call, from Python's objects to the core's. The callers (src/elman/kernels.py,
// src/elman/nn/native.py) have checked types and shapes, and keep the memory. None means what a null pointer means in
// recurrence/call.h.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bind/tensors.h"
#include "recurrence/layers.h"

// The data of a list's items, of which there must be `count`, or none if `or_none`.
template <class P>
std::vector<P> pointers(nanobind::handle list, std::size_t count, const char* what, bool or_none = false) {
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

// A batch, and which dimension of its tensors is time: 0, 1, or -1 if they are packed.
struct Steps {
    elman::Batch batch;
    int time;
};

template <class U>
elman::Rows<U> rows(nanobind::handle tensor, int time) {
    const Reached at = reach(tensor);
    if (time < 0) return {static_cast<U*>(at.data), 0, at.strides[0]};
    return {static_cast<U*>(at.data), at.strides[time], at.strides[1 - time]};
}

// What a call reads and writes, as given by Python.
struct Call {
    nanobind::handle x, out;
    nanobind::handle tensors;  // the states, then the weights
    nanobind::handle dropout, zoneout, saved;
};

// The pointers of states and weights, from one list.
template <class T, class P>
std::pair<std::vector<P>, std::vector<P>> states_and_weights(const elman::Layers<T>& layers, nanobind::handle tensors,
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
