import unittest

from textkit import count


class CountTest(unittest.TestCase):
    def test_case_makes_no_difference(self) -> None:
        assert count("a B b") == {"a": 1, "b": 2}
