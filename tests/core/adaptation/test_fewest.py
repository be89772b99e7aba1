"""The smallest number of inputs of an adaptation, against the code that divides them."""

from __future__ import annotations

import hashlib

import pytest

from stabcert.adapt.examples import Example, split
from stabcert.core.adaptation.division import fewest_inputs, reporting_part
from stabcert.errors import InputError


def divides(number: int, share: float, held_out: float) -> bool:
    hashes = [hashlib.sha256(str(i).encode()).hexdigest() for i in range(number)]
    try:
        reported = set(reporting_part(hashes, share=share, seed=0))
        split([Example(one, "", None, one) for one in hashes if one not in reported], held_out=held_out, seed=0)
    except InputError:
        return False
    return True


@pytest.mark.parametrize("share", [0.05, 0.2, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("held_out", [0.1, 0.2, 0.5, 0.8])
def test_the_number_is_the_smallest_that_can_be_divided(share: float, held_out: float) -> None:
    needed = fewest_inputs(share, held_out)
    assert divides(needed, share, held_out)
    assert not divides(needed - 1, share, held_out)


def test_tiny_shares_need_many_inputs_at_once() -> None:
    assert fewest_inputs(1e-12, 0.2) >= 10**12
