"""One step of a recurrent layer as an ONNX model, run by onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

# torch's rows of a weight in the order that ONNX wants them
ORDER = {"gru": (1, 0, 2), "lstm": (0, 3, 1, 2)}  # r z n → z r n; i f g o → i o f g


def session(cell: str, weights: Mapping[str, np.ndarray], threads: int) -> Any:
    """An onnxruntime session: inputs ``x`` (1, 1, I) and a state each (1, 1, H) → the states.

    Args:
        cell: ``"gru"`` or ``"lstm"``.
        weights: of one layer, by name, as in :meth:`elman.recurrence.Layout.shapes`.
        threads: that it may use.
    """
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    def rows(name: str) -> np.ndarray:
        return np.concatenate([np.split(weights[f"{name}_l0"], len(ORDER[cell]))[k] for k in ORDER[cell]])

    constants = {
        "W": rows("weight_ih")[None],
        "R": rows("weight_hh")[None],
        "B": np.concatenate([rows("bias_ih"), rows("bias_hh")])[None],
    }
    hidden, width = weights["weight_hh_l0"].shape[1], weights["weight_ih_l0"].shape[1]
    states = ["h", "c"][: 2 if cell == "lstm" else 1]
    options: dict[str, Any] = {"hidden_size": hidden}
    if cell == "gru":
        options["linear_before_reset"] = 1  # torch's GRU; ONNX's default is the other
    node = helper.make_node(
        cell.upper(),
        ["x", *constants, "", *states],
        ["", *(f"new_{state}" for state in states)],
        **options,
    )

    def value(name: str, size: int) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, size])

    graph = helper.make_graph(
        [node],
        cell,
        [value("x", width), *(value(state, hidden) for state in states)],
        [value(f"new_{state}", hidden) for state in states],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = threads, 1
    return onnxruntime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
