import unittest

from report import lines


class LinesTest(unittest.TestCase):
    def test_the_commonest_come_first(self) -> None:
        assert lines("b a b") == ["2 b", "1 a"]
