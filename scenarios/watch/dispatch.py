"""This file is for who may start now: nobody beside itself, each target within its limit, none kept waiting by another target."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

LaneName = tuple[str, str]  # suite and target


@dataclass(slots=True, eq=False)
class Place:
    """One system under watch: all lanes with the same address. What breaks it must have it to itself."""

    lanes: list[Lane] = field(default_factory=list)
    running: int = 0
    taken: Turn | None = None  # by one that must be alone
    wanted: deque[Lane] = field(default_factory=deque)  # by one that must be alone and waits; nobody new starts before it


@dataclass(slots=True, eq=False)
class Lane:
    """The turns of one suite at one target, in order."""

    name: LaneName
    place: Place
    limit: int
    running: int = 0
    waiting: deque[Turn] = field(default_factory=deque)
    held: Turn | None = None
    is_offered: bool = False


@dataclass(slots=True, eq=False)
class Turn:
    """One that wants to start. `alone`: it needs the place to itself; `whole`: it needs the lane to itself and holds it."""

    key: Hashable
    lane: Lane
    alone: bool = False
    whole: bool = False
    is_running: bool = False


class Dispatcher:
    """Turns wait in their lane, at most one of a key; lanes are served in rotation, so that a hung target delays no other.

    A turn that must be alone holds back what comes after it until what runs has ended: it cannot be starved.
    Starting and ending cost the same however many lanes there are.
    """

    def __init__(self, max_running: int) -> None:
        if max_running < 1:
            raise ValueError("at least one must be allowed to run")
        self.max_running = max_running
        self.running = 0
        self.waiting = 0
        self.lanes: dict[LaneName, Lane] = {}
        self._places: dict[str, Place] = {}
        self._busy: dict[Hashable, Turn] = {}
        self._offered: deque[Lane] = deque()

    def lane(self, name: LaneName, address: str, limit: int) -> Lane:
        """Return the lane of that name, with that limit from now on."""
        lane = self.lanes.get(name)
        if lane is None or self._places.get(address) is not lane.place:
            place = self._places.setdefault(address, Place())
            if lane is not None and not lane.running and not lane.waiting:
                self.forget(lane)  # the target has moved; what still runs at the old address ends there
            place = self._places.setdefault(address, place)
            lane = Lane(name, place, limit)
            place.lanes.append(lane)
            self.lanes[name] = lane
        lane.limit = limit
        self._offer(lane)
        return lane

    def forget(self, lane: Lane) -> None:
        """Let a lane go that nobody uses any more; what runs there may still end."""
        if self.lanes.get(lane.name) is lane:
            del self.lanes[lane.name]
        if lane in lane.place.lanes:
            lane.place.lanes.remove(lane)
        if not lane.place.lanes:
            self._places = {address: place for address, place in self._places.items() if place is not lane.place}

    def turn_of(self, key: Hashable) -> Turn | None:
        """Return the turn of that key that waits or runs."""
        return self._busy.get(key)

    def submit(self, turn: Turn, *, first: bool = False) -> bool:
        """Let a turn wait for its start. False if its key waits or runs already: then it does not."""
        if turn.key in self._busy:
            return False
        self._busy[turn.key] = turn
        self.waiting += 1
        if first:
            turn.lane.waiting.appendleft(turn)
        else:
            turn.lane.waiting.append(turn)
        self._offer(turn.lane)
        return True

    def withdraw(self, turn: Turn) -> bool:
        """Take a turn out that waits. False if it does not."""
        if turn.is_running or self._busy.get(turn.key) is not turn:
            return False
        lane = turn.lane
        lane.waiting.remove(turn)
        self.waiting -= 1
        del self._busy[turn.key]
        if lane in lane.place.wanted and not (lane.waiting and lane.waiting[0].alone):
            lane.place.wanted.remove(lane)
            self._offer_all(lane.place)
        self._offer(lane)
        return True

    def next(self) -> Turn | None:
        """Start one, and return it; None when nobody may start now."""
        while self._offered and self.running < self.max_running:
            lane = self._offered.popleft()
            lane.is_offered = False
            if not self._may_start(lane):
                continue  # it is offered again when something ends that kept it waiting
            turn = lane.waiting.popleft()
            self._take(turn)
            self._offer(lane)
            return turn
        return None

    def finished(self, turn: Turn) -> None:
        """Give back the slot of a turn that was started, once."""
        if not turn.is_running:
            return
        turn.is_running = False
        lane, place = turn.lane, turn.lane.place
        del self._busy[turn.key]
        self.running -= 1
        lane.running -= 1
        place.running -= 1
        was_taken = place.taken is turn
        if was_taken:
            place.taken = None
        if lane.held is turn:
            lane.held = None
        self._offer(lane)
        if was_taken or (not place.running and len(place.lanes) > 1):
            self._offer_all(place)

    def all_waiting(self) -> Iterator[Turn]:
        """Yield the turns that wait, whatever for."""
        return (turn for turn in list(self._busy.values()) if not turn.is_running)

    def _take(self, turn: Turn) -> None:
        lane, place = turn.lane, turn.lane.place
        turn.is_running = True
        self.waiting -= 1
        self.running += 1
        lane.running += 1
        place.running += 1
        if turn.whole:
            lane.held = turn
        if turn.alone:
            place.taken = turn
        if lane in place.wanted:
            place.wanted.remove(lane)
            if not turn.alone:
                self._offer_all(place)

    def _may_start(self, lane: Lane) -> bool:
        place = lane.place
        if not lane.waiting or lane.held is not None or place.taken is not None:
            return False
        if place.wanted and place.wanted[0] is not lane:
            return False
        first = lane.waiting[0]
        if first.alone and place.running:
            if lane not in place.wanted:
                place.wanted.append(lane)
            return False
        if first.whole:
            return lane.running == 0
        return lane.running < lane.limit

    def _offer(self, lane: Lane) -> None:
        if lane.waiting and not lane.is_offered:
            lane.is_offered = True
            self._offered.append(lane)

    def _offer_all(self, place: Place) -> None:
        for lane in place.lanes:
            self._offer(lane)
