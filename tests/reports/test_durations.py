"""This file is for durations by bucket."""

from __future__ import annotations

from reports.durations import dumped, summed


def test_many_stored_texts_in_a_row_add_up_to_the_sum_of_each() -> None:
    stored = [{3: 60}, {3: 60, 7: 2}, {7: 2, 44: 1}, {3: 60, 7: 1}]
    whole = {bucket: sum(one.get(bucket, 0) for one in stored) for bucket in (3, 7, 44)}
    assert summed(",".join(dumped(one) for one in stored)) == whole == {3: 180, 7: 5, 44: 1}
