"""A few cases of every attack; ``make attack`` makes many."""

from __future__ import annotations

import os

import pytest

from tests.attack.attacks import ATTACKS

SEED = int(os.environ.get("ELMAN_FUZZ_SEED", 0))


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_nothing_is_found(attack):
    assert list(attack.run(attack.few, SEED)) == []
