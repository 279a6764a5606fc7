"""Many texts as one trie, and how probable each is: the CTC forward algorithm on all of them at once.

Texts that begin alike share their beginning's work. Of the nodes only those near the best are computed: a node is
opened (its children are computed too) when the probability of its paths comes near the best node's, and what is far
below is dropped. The search keeps account of what it left out, and so knows when its answer must be the exact one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.recognition.charset import BLANK

FloatArray = NDArray[np.floating]
IntArray = NDArray[np.int64]

# Probabilities are scaled up when the best node's falls below this, long before float64 loses digits.
_SMALL = 1e-60
# Smaller probabilities may have become 0.
_LOST = 1e-300
# Frames from one clearing of dropped nodes to the next: it costs as much as several frames.
_CLEARING = 6


@dataclass(frozen=True)
class TrieScores:
    """What a search found.

    Attributes:
        entries: int64 [M], places of the entries that were reached; no place twice, in no order.
        log_likelihoods: float64 [M], natural logarithm of each one's CTC likelihood, at most too low by what was left
            out.
        left_out: Natural logarithm of a bound: no entry's likelihood, found or not, lacks more than this.
    """

    entries: IntArray
    log_likelihoods: NDArray[np.float64]
    left_out: float


class Trie:
    """Entries as a trie in breadth-first order: node 0 is the empty beginning, parents come before children.

    Args:
        codes: int [K], the codes of all entries one after another.
        lengths: int [N], codes of each entry.
        order: int [N], the entries in an order in which those that begin alike are neighbours, the shorter first
            (that of sorted texts); all entries are different.
    """

    def __init__(self, codes: IntArray, lengths: IntArray, order: IntArray) -> None:
        first = np.cumsum(lengths) - lengths
        rows, node_of_row = order, np.zeros(len(order), dtype=np.int64)
        node_codes, parents, entry_of = [np.zeros(1, np.int64)], [np.zeros(1, np.int64)], [np.full(1, -1, np.int64)]
        count = 1
        depth = 0
        entry_of[0][0] = next(iter(rows[lengths[rows] == 0].tolist()), -1)
        while len(rows):
            longer = lengths[rows] > depth
            rows, node_of_row = rows[longer], node_of_row[longer]
            if not len(rows):
                break
            written = codes[first[rows] + depth]
            begins = np.ones(len(rows), dtype=bool)
            begins[1:] = (node_of_row[1:] != node_of_row[:-1]) | (written[1:] != written[:-1])
            node_codes.append(written[begins])
            parents.append(node_of_row[begins])
            number = np.cumsum(begins) - 1
            node_of_row = count + number
            ends = lengths[rows] == depth + 1
            level_entries = np.full(int(number[-1]) + 1, -1, dtype=np.int64)
            level_entries[number[ends]] = rows[ends]
            entry_of.append(level_entries)
            count += len(level_entries)
            depth += 1
        self.depth = depth
        self._codes = np.concatenate(node_codes)
        self._entries = np.concatenate(entry_of)
        parent = np.concatenate(parents)
        # A path goes from a character to the same one only over a blank.
        self._repeats = self._codes == self._codes[parent]
        self._repeats[0] = False
        self._child_counts = np.bincount(parent[1:], minlength=count)
        self._first_child = 1 + np.cumsum(self._child_counts) - self._child_counts
        self._to_end = self._distances_to_an_end(parent, [len(level) for level in entry_of])

    @property
    def nodes(self) -> int:
        """Number of nodes, the empty beginning included."""
        return len(self._codes)

    def scores(self, log_probs: FloatArray, beam: float = math.inf) -> TrieScores:
        """CTC likelihoods of the entries.

        Args:
            log_probs: float [T, C], log softmax of each frame; class 0 is the blank.
            beam: Nodes whose paths' log probability is this much below the best node's are left out; above 0,
                infinity: none is.

        Returns:
            The entries that were reached. Without a beam those that T frames can spell, unless an entry is less
            probable than the best node of a frame by more than float64's range (some 550 in the logarithm).
        """
        return _Search(self, math.exp(-beam)).run(np.exp(np.asarray(log_probs, dtype=np.float64)))

    def _distances_to_an_end(self, parent: IntArray, sizes: Sequence[int]) -> IntArray:
        """Least number of characters from each node to the end of an entry."""
        distances = np.where(self._entries >= 0, 0, np.iinfo(np.int64).max // 2)
        last = self.nodes
        for size in reversed(sizes[1:]):  # from the deepest level up
            level = slice(last - size, last)
            np.minimum.at(distances, parent[level], distances[level] + 1)
            last -= size
        return distances


class _Search:
    """One run over the frames. The arrays hold one place for each node in hand; place 0 is the empty beginning.

    With a node all nodes before it are in hand; of its children all that can still end, or none.
    """

    def __init__(self, trie: Trie, share: float) -> None:
        self.trie = trie
        self.share = share
        self.node = np.zeros(1, dtype=np.int64)
        self.parent = np.zeros(1, dtype=np.int64)  # a place
        self.code = np.array([BLANK])
        # Probability of the paths that end in a blank, in the node's character, and in either.
        self.after_blank, self.after_character, self.either = np.ones(1), np.zeros(1), np.ones(1)
        self.closed = trie._child_counts[:1] > 0  # has children that are not in hand
        self.repeats = np.empty(0, dtype=np.int64)  # places of nodes with their parent's character
        self.scale = 0.0  # the arrays are too large by this, as a logarithm
        self.left_out = 0.0  # as the arrays are scaled

    def run(self, frames: NDArray[np.float64]) -> TrieScores:
        """Go over all frames: float64 [T, C], probabilities."""
        for time, frame in enumerate(frames):
            best = float(self.either.max())
            if best == 0.0:
                break
            if best < _SMALL:
                self._rescale(best)
                best = 1.0
            least = best * self.share
            self._open(least, len(frames) - time)
            if self.share and time % _CLEARING == _CLEARING - 1:
                self._clear(least)
            self._step(frame)
            # An entry's path that is left out leaves the nodes in hand at one of the entry's depth + 1 beginnings, all
            # below `least`; from there it goes on in different ways, whose probabilities come to 1 at most.
            self.left_out += max(least, _LOST) * (self.trie.depth + 1)
        return self._result()

    def _step(self, frame: NDArray[np.float64]) -> None:
        """One frame on."""
        entered = self.either[self.parent]
        entered[self.repeats] = self.after_blank[self.parent[self.repeats]]
        entered[0] = 0.0
        self.after_character += entered
        self.after_character *= frame[self.code]
        np.multiply(self.either, frame[BLANK], out=self.after_blank)
        np.add(self.after_blank, self.after_character, out=self.either)

    def _open(self, least: float, frames_left: int) -> None:
        """Take the children of the nodes that are near enough the best in hand."""
        opened = np.flatnonzero((self.either > least) & self.closed)
        if not len(opened):
            return
        self.closed[opened] = False
        counts = self.trie._child_counts[self.node[opened]]
        ends = np.cumsum(counts)
        shift = self.trie._first_child[self.node[opened]] - (ends - counts)
        children = np.arange(ends[-1]) + np.repeat(shift, counts)
        parents = np.repeat(opened, counts)
        in_time = self.trie._to_end[children] < frames_left  # one frame is spent on the child itself
        if not in_time.all():
            children, parents = children[in_time], parents[in_time]
        self.repeats = np.concatenate((self.repeats, len(self.node) + np.flatnonzero(self.trie._repeats[children])))
        self.node = np.concatenate((self.node, children))
        self.parent = np.concatenate((self.parent, parents))
        self.code = np.concatenate((self.code, self.trie._codes[children]))
        self.closed = np.concatenate((self.closed, self.trie._child_counts[children] > 0))
        nothing = np.zeros(len(children))
        self.after_blank = np.concatenate((self.after_blank, nothing))
        self.after_character = np.concatenate((self.after_character, nothing))
        self.either = np.concatenate((self.either, nothing))

    def _clear(self, least: float) -> None:
        """Drop the nodes that are far below the best and lead to none that is near it, their brothers included."""
        needed = self.either > least
        count = -1
        while count != (count := int(np.count_nonzero(needed))):  # with a node, all before it
            needed[self.parent[needed]] = True
        kept = needed | needed[self.parent]
        if 4 * np.count_nonzero(kept) > 3 * len(kept):
            return
        self.closed |= ~needed & (self.trie._child_counts[self.node] > 0)
        self.parent = (np.cumsum(kept) - 1)[self.parent[kept]]
        repeats = np.zeros(len(kept), dtype=bool)
        repeats[self.repeats] = True
        self.repeats = np.flatnonzero(repeats[kept])
        self.node, self.code, self.closed = self.node[kept], self.code[kept], self.closed[kept]
        self.after_blank, self.after_character = self.after_blank[kept], self.after_character[kept]
        self.either = self.either[kept]

    def _rescale(self, best: float) -> None:
        """Make the best node's probability 1."""
        for values in (self.after_blank, self.after_character, self.either):
            values /= best
        self.left_out /= best
        self.scale += math.log(best)

    def _result(self) -> TrieScores:
        """The entries that end at a node in hand."""
        entries = self.trie._entries[self.node]
        found = (entries >= 0) & (self.either > 0.0)
        left_out = math.log(self.left_out) + self.scale if self.left_out > 0.0 else -math.inf
        return TrieScores(entries[found], np.log(self.either[found]) + self.scale, left_out)
