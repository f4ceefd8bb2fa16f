"""Reports the commonest words of a text."""

from textkit import count


def lines(text: str, most: int = 3) -> list[str]:
    found = sorted(count(text).items(), key=lambda item: (-item[1], item[0]))
    return [f"{number} {word}" for word, number in found[:most]]
