"""The body of a text file as its words, and whether rows of them are its lines; knows no format."""

from pathlib import Path

import numpy as np

from completion.data.arrays import FloatArray, IntArray
from completion.data.readers.faults import fault


class Words:
    """The words between white space, and which of them begin a line.

    Args:
        path: of the file, for the sentences.
        data: the whole file.
        start: byte where its body begins.
    """

    def __init__(self, path: Path, data: bytes, start: int) -> None:
        body = data[start:]
        self.path = path
        self.first_line = data[:start].count(b"\n") + 1
        # No array of text: that would pad each word to the longest one.
        self.words = body.split()
        sizes = np.fromiter((len(line.split()) for line in body.splitlines()), dtype=np.int64)
        self.lines = np.flatnonzero(sizes)
        self.starts = (np.cumsum(sizes) - sizes)[self.lines]

    def __len__(self) -> int:
        return len(self.words)

    def check_rows(self, bounds: IntArray) -> None:
        """Refuses rows that fit no lines: one with a word too few shifts all that follow.

        A row may go on in the next line. Several may share a line where they are all that there is: else a
        file with twice the numbers a row would be taken for one with two rows a line.

        Args:
            bounds: int64[rows + 1], the first word of each row, and of what follows the last.

        Raises:
            FileFault: naming the line of the first such row.
        """
        begins = np.append(self.starts, len(self))
        wrong = begins[np.searchsorted(begins, bounds)] != bounds
        is_all = bounds[0] == 0 and bounds[-1] == len(self)
        if not wrong.any() or (is_all and np.isin(begins, bounds).all()):
            return
        bad = int(np.flatnonzero(wrong)[0])
        row = max(bad - 1, 0)
        line = int(np.searchsorted(self.starts, bounds[row], side="right")) - 1
        expected = f"{bounds[row + 1] - bounds[row]} numbers a row, as the header says,"
        place = f"line {self.first_line + self.lines[line]}"
        raise fault(self.path, place, expected, f"{begins[line + 1] - begins[line]}")

    def beyond(self, end: int, more: int = 0) -> str:
        """Returns a note on rows that the header does not count: lines that begin with a number.

        Args:
            end: word behind the last row read.
            more: rows that follow and are counted, but were not read.
        """
        rest = self.starts[np.searchsorted(self.starts, end) :][more:]
        return beyond_note(sum(is_number(self.words[word]) for word in rest), "rows")


def as_numbers(words: list[bytes]) -> FloatArray:
    """Returns float64[len(words)]; raises ValueError if one is no number."""
    return np.fromiter(map(float, words), dtype=np.float64, count=len(words))


def beyond_note(count: int, what: str) -> str:
    """Returns the note on what lies behind all that the header counts, an empty one for nothing."""
    return f"passed over {count} {what} beyond those that the header counts" if count else ""


def rest_note(data: bytes, end: int) -> str:
    """Returns the note on bytes of a packed body from `end` on; padding at the end of a file is none."""
    rest = data[end:]
    return beyond_note(len(rest) if rest.strip(b"\0 \t\r\n") else 0, "bytes")


def is_number(word: bytes | str) -> bool:
    """Returns whether a word is a number."""
    try:
        float(word)
    except ValueError:
        return False
    return True
