"""The settings of a model's recurrent part, and the layers they describe."""

from __future__ import annotations

from dataclasses import dataclass

from elman.cells import cell_names, get_cell
from elman.errors import SettingsError
from elman.model.layers import RecurrentLayers
from elman.recurrence import Layout
from elman.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class ModelSettings(Settings):
    """The recurrent part of a model."""

    cell: str = setting("gru", "recurrent cell", choices=cell_names, fixed=True)
    hidden_size: int = setting(64, "units in each recurrent layer", minimum=1, below=1_000_000, fixed=True)
    num_layers: int = setting(1, "recurrent layers, one on the other", minimum=1, below=1000, fixed=True)
    dropout: float = setting(0.0, "dropout between the recurrent layers", minimum=0, below=1)
    recurrent_dropout: float = setting(
        0.0, "dropout inside the recurrence, one mask for all the steps of a sequence", minimum=0, below=1
    )
    zoneout: float = setting(
        0.0, "probability that a unit keeps its old state while training", minimum=0, below=1, fixed=True
    )
    layer_norm: bool = setting(False, "normalise the products inside the cell", fixed=True)
    cell_options: str | None = setting(
        None, "the cell's own numbers: dt=0.5 for lem, heads=4 for slstm", metavar="NAME=NUMBER", fixed=True
    )
    init: str = setting(
        "torch", "initial weights: torch, orthogonal, or chrono:STEPS (memory of about STEPS steps)", fixed=True
    )


def parse_options(text: str) -> dict[str, float]:
    """Numbers by name, as ``cell_options`` has them: several are separated by commas.

    Raises:
        SettingsError: something else.

    >>> parse_options("dt=0.5")
    {'dt': 0.5}
    """
    values = {}
    for item in filter(None, text.split(",")):
        name, _, number = item.partition("=")
        try:
            values[name.strip()] = float(number)
        except ValueError:
            raise SettingsError(f"`cell_options` has {item!r:.40}; write NAME=NUMBER, such as heads=4") from None
    return values


def recurrent_layers(settings: ModelSettings, input_size: int, *, bidirectional: bool = False) -> RecurrentLayers:
    """The recurrent layers that ``settings`` describe.

    >>> recurrent_layers(ModelSettings(cell="lstm", hidden_size=8), 3).layout.part_shapes(0)["weight_ih"]
    (32, 3)
    """
    cell = get_cell(settings.cell)
    layout = Layout(
        settings.cell,
        input_size,
        settings.hidden_size,
        settings.num_layers,
        bidirectional=bidirectional,
        layer_norm=settings.layer_norm,
        zoneout=(settings.zoneout,) * len(cell.states) if settings.zoneout else (),
        options=cell.chosen(parse_options(settings.cell_options or "")),
    )
    return RecurrentLayers(layout)
