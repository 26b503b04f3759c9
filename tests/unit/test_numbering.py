import pytest

from config import Config
from windowbench.load.numbering import Numbering, input_partitions, result_partitions

TWO = Numbering(topics=("impressions", "clicks"), each=3)


def test_the_partitions_of_the_second_topic_come_after_those_of_the_first():
    places = [("impressions", 0), ("impressions", 1), ("impressions", 2), ("clicks", 0), ("clicks", 1), ("clicks", 2)]
    assert TWO.count == 6
    assert TWO.places == places
    assert [TWO.number(*place) for place in places] == list(range(6))


def test_of_one_topic_the_numbers_are_the_brokers_own_however_many_there_are():
    one = Numbering(topics=("events",), each=2)
    assert [one.number("events", n) for n in (0, 1, 7)] == [0, 1, 7]
    assert one.place(7) == ("events", 7)


def test_a_topic_that_is_none_of_them_has_no_number():
    with pytest.raises(ValueError, match="not in tuple"):
        TWO.number("others", 0)


def test_the_topics_of_a_configuration():
    config = Config().replace(events_topic="e", result_topic="r", partitions=4, result_partitions=2)
    assert input_partitions(config) == Numbering(topics=("e",), each=4)
    assert result_partitions(config) == Numbering(topics=("r",), each=2)
