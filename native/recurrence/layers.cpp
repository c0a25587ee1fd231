#include "recurrence/layers.h"

#include <stdexcept>
#include <utility>

#include "recurrence/backward.h"
#include "recurrence/batch_in_lanes/batch_in_lanes.h"
#include "recurrence/eight_bit.h"
#include "recurrence/forward.h"
#include "recurrence/saved.h"
#include "runtime/subnormals.h"

namespace elman {

template <class T>
Layers<T>::Layers(Layout layout, const KernelsOf<T>& kernels)
    : layout_(std::move(layout)), kernels_(kernels), cell_(nullptr) {
    for (std::size_t k = 0; k < kernels.cell_count; ++k) {
        if (layout_.cell == kernels.cells[k].plan.name) cell_ = &kernels.cells[k];
    }
    if (cell_ == nullptr) throw std::invalid_argument("no kernel for the cell '" + layout_.cell + "'");
    if (layout_.input_size == 0 || layout_.hidden_size == 0 || layout_.num_layers == 0 || layout_.directions == 0 ||
        layout_.directions > 2 || layout_.heads == 0 || layout_.hidden_size % layout_.heads != 0 ||
        (layout_.proj_size != 0 && (!cell_->plan.projects || layout_.heads > 1)) ||
        (layout_.layer_norm && layout_.heads > 1)) {
        throw std::invalid_argument("sizes that no layer has");
    }
    if (!layout_.zoneout.empty() && layout_.zoneout.size() != states()) {
        throw std::invalid_argument("zoneout takes a rate for each state");
    }
}

template <class T>
std::size_t Layers<T>::part_arrays() const {
    const std::size_t kinds = 1 + (layout_.bias ? 1 : 0) + (layout_.layer_norm ? 1 : 0);
    return kinds * (plan().h_blocks ? 2 : 1) + static_cast<std::size_t>(plan().extra) + (layout_.proj_size ? 1 : 0);
}

template <class T>
std::size_t Layers<T>::saved_size(const Batch& batch, bool zoneout) const {
    Workspace& memory = Workspace::of_thread();
    const Workspace::Scope scope(memory);
    ForwardCall<T> call{};
    call.zoneout.resize(zoneout ? 1 : 0);
    const Context<T> ctx(layout_, kernels_, *cell_, batch, call, memory);
    // the larger one: which time loop runs depends on dropout masks too, which only the call has
    const std::size_t in_lanes = fits_in_lanes(ctx) ? saved_size_in_lanes(ctx) : 0;
    // at least one, as null means that nothing is saved
    return std::max({elman::saved_size(ctx), in_lanes, std::size_t{1}});
}

template <class T>
void Layers<T>::forward(const Batch& batch, const ForwardCall<T>& call, const Prepared<T>* prepared) const {
    Workspace& memory = Workspace::of_thread();
    const Workspace::Scope scope(memory);
    const Context<T> ctx(layout_, kernels_, *cell_, batch, call, memory);
    if (prepared == nullptr && fits_in_lanes(ctx)) return run_forward_in_lanes(ctx, part_arrays());
    run_forward(ctx, part_arrays(), prepared);
}

template <class T>
void Layers<T>::backward(const Batch& batch, const BackwardCall<T>& call) const {
    const FlushSubnormals flushed;
    Workspace& memory = Workspace::of_thread();
    const Workspace::Scope scope(memory);
    const Context<T> ctx(layout_, kernels_, *cell_, batch, call.forward, memory);
    if (fits_in_lanes(ctx)) return run_backward_in_lanes(ctx, call, part_arrays());
    run_backward(ctx, call, part_arrays());
}

template <class T>
std::shared_ptr<const Prepared<T>> Layers<T>::prepare(const std::vector<const T*>& weights, bool eight_bit) const {
    auto prepared = std::make_shared<Prepared<T>>();
    ForwardCall<T> call{};
    call.weights = weights;
    const Batch none{};
    const Context<T> ctx(layout_, kernels_, *cell_, none, call, prepared->memory);
    prepared->parts = forward_weights(ctx, part_arrays());
    if (!eight_bit) place(ctx, prepared->parts, false);
    for (std::size_t p = 0; p < ctx.parts(); ++p) {
        if (eight_bit) {
            pack_codes(prepared->parts[p], kernels_.row_panel, prepared->memory);
        } else {
            pack(prepared->parts[p], kernels_.pack_columns, 0, 1);
        }
    }
    return prepared;
}

template class Layers<float>;
template class Layers<double>;

}  // namespace elman
