"""The last minute of a value: its smoothing and its ring."""

from wrap.safety.trend import Trend


def test_the_first_value_counts_as_it_is_and_the_next_ones_for_a_quarter():
    trend = Trend()
    assert (trend.n, trend.now) == (0, 0)
    seen = []
    for value in (1000, 2000, 2000, 0):
        trend.add(value)
        seen.append(trend.now)
    assert seen == [1000, 1250, 1437, 1077]
    assert trend.n == 4


def test_any_second_of_the_last_minute_is_remembered():
    trend = Trend()
    seen = []
    for value in range(200):
        trend.add(value * 1000)
        seen.append(trend.now)
        for ago in range(min(len(seen), 61)):
            assert trend.ago(ago) == seen[-1 - ago]


def test_what_comes_after_clear_has_nothing_to_do_with_what_was():
    trend = Trend()
    trend.add(5000)
    trend.clear()
    assert (trend.n, trend.now) == (0, 0)
    trend.add(100)
    assert (trend.n, trend.now, trend.ago(0)) == (1, 100, 100)


def test_values_below_zero_are_values():
    trend = Trend()
    for value in (-1000, -2001):
        trend.add(value)
    assert (trend.ago(1), trend.now, trend.ago(0)) == (-1000, -1251, -1251)
