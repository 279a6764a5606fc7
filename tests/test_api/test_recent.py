"""Readings that are remembered: how many, for how long, at what cost."""

import gc
import hashlib
import time

from src.api.recent import Recent
from src.api.schemas import Prediction

EXAMPLE = Prediction.model_config["json_schema_extra"]["example"]


def reading(number: int) -> Prediction:
    return Prediction.model_validate(EXAMPLE | {"id": f"{number:032x}"})


def test_a_reading_comes_back_as_it_was():
    recent = Recent(10_000, 60)
    recent.add(reading(1), b"image")
    assert recent.get(reading(1).id) == (reading(1), b"image")
    assert recent.get(reading(2).id) is None


def test_the_oldest_go_first_when_it_is_too_much():
    recent = Recent(10_000, 60)
    for number in range(100):
        recent.add(reading(number), bytes(10))  # the images alone are few bytes
    known = [number for number in range(100) if recent.get(reading(number).id)]
    assert known == list(range(known[0], 100))
    assert 5 < len(known) < 30


def test_they_are_forgotten_in_time():
    recent = Recent(10_000, 0.2)
    recent.add(reading(1), b"image")
    time.sleep(0.3)
    assert recent.get(reading(1).id) is None


def test_readings_of_a_forgotten_image_are_gone_and_their_room_is_free():
    recent = Recent(10_000, 60)
    for number in range(4):
        recent.add(reading(number), bytes([number]) * 1000)
    recent.forget([hashlib.sha256(bytes([number]) * 1000).hexdigest() for number in (0, 2)])
    assert [number for number in range(4) if recent.get(reading(number).id)] == [1, 3]
    for number in range(4, 8):
        recent.add(reading(number), bytes([number]) * 400)
    assert recent.get(reading(1).id)


def test_many_of_them_do_not_lengthen_garbage_collections():
    recent = Recent(10**7, 60)
    gc.collect()
    before = len(gc.get_objects())
    for number in range(1000):
        recent.add(reading(number), b"image")
    gc.collect()
    assert recent.get(reading(0).id)
    assert len(gc.get_objects()) - before < 500  # as objects, each is ten or more
