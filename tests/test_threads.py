import threading

import numpy as np
import pytest

from aefpga.threads import over_blocks, spread


def test_what_is_made_comes_in_order():
    waits = threading.Event()

    def work(item):
        # The first is done last.
        waits.wait(0.1) if item == 0 else waits.set()
        return item * item

    assert list(spread(work, range(9))) == [i * i for i in range(9)]
    assert list(spread(work, [])) == []


def test_one_alone_needs_no_thread():
    assert list(spread(lambda _: threading.get_ident(), [0])) == [threading.get_ident()]


@pytest.mark.parametrize("n_rows", [0, 1, 7, 8, 9])
def test_blocks_cover_all_rows_once(n_rows):
    done = np.zeros(n_rows, int)

    def work(rows):
        assert 0 < len(done[rows]) <= 4
        done[rows] += 1

    over_blocks(work, n_rows, 4)
    assert np.all(done == 1)


def test_what_is_raised_in_a_block_is_raised():
    with pytest.raises(ZeroDivisionError):
        over_blocks(lambda rows: 1 // rows.start, 8, 4)
