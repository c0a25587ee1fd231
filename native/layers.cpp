#include "layers.h"

#include <stdexcept>

#include "lanewise.h"

namespace elman {

template <class T>
Layers<T>::Layers(Layout layout, const KernelsOf<T>& kernels)
    : layout_(std::move(layout)), kernels_(kernels), cell_(nullptr) {
    for (std::size_t k = 0; k < kernels.cell_count; ++k) {
        if (layout_.cell == kernels.cells[k].plan.name) cell_ = &kernels.cells[k];
    }
    if (cell_ == nullptr) throw std::invalid_argument("no kernel for the cell '" + layout_.cell + "'");
    if (layout_.input_size == 0 || layout_.hidden_size == 0 || layout_.num_layers == 0 || layout_.directions == 0 ||
        layout_.directions > 2 || (layout_.proj_size != 0 && !cell_->plan.cell_state)) {
        throw std::invalid_argument("sizes that no layer has");
    }
    if (!layout_.zoneout.empty() && layout_.zoneout.size() != states()) {
        throw std::invalid_argument("zoneout takes a rate for each state");
    }
}

template <class T>
std::size_t Layers<T>::part_arrays() const {
    return 2 + (layout_.bias ? 2 : 0) + static_cast<std::size_t>(plan().extra) + (layout_.layer_norm ? 2 : 0) +
           (layout_.proj_size ? 1 : 0);
}

template <class T>
std::size_t Layers<T>::saved_size(const Batch& batch, bool zoneout) const {
    Workspace& memory = Workspace::of_thread();
    const Workspace::Scope scope(memory);
    ForwardCall<T> call{};
    call.zoneout.resize(zoneout ? 1 : 0);
    const Sequence<T> sequence(layout_, kernels_, *cell_, batch, call, memory);
    // a dropout mask, which only the call has, decides between the two
    const std::size_t lanes = is_lanewise(sequence) ? saved_lanewise(sequence) : 0;
    return std::max({sequence.saved_size(), lanes, std::size_t{1}});  // not none, which would say that nothing is kept
}

template class Layers<float>;
template class Layers<double>;

}  // namespace elman
