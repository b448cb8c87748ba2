import pytest

from fsd_gen.scene.slots import SlotKey, rng_for, stable_hash


def test_a_stream_depends_on_seed_slot_attempt_and_name_only():
    def draw(seed, slot, attempt, name):
        return rng_for(seed, SlotKey(slot=slot, attempt=attempt), name).uniform(size=4).tolist()

    first = draw(0, 3, 1, "lights")
    assert draw(0, 3, 1, "lights") == first
    others = [draw(1, 3, 1, "lights"), draw(0, 4, 1, "lights"), draw(0, 3, 2, "lights"), draw(0, 3, 1, "rig")]
    assert all(other != first for other in others)


def test_the_hash_is_the_same_on_every_machine():
    assert stable_hash(0, "lights") == 0xC00ABA8165D4DF74FF8AB56DBA4A5F94
    assert stable_hash(1, "2") != stable_hash("1", 2)


@pytest.mark.parametrize("text", ["0000012-a1", "12-a1"])
def test_a_sample_id_parses_back_to_its_key(text):
    assert SlotKey.parse(text) == SlotKey(slot=12, attempt=1)
    assert SlotKey.parse("7") == SlotKey(slot=7)


@pytest.mark.parametrize("text", ["", "x", "12-a", "12-ax", "-a1"])
def test_a_malformed_sample_id_is_refused(text):
    with pytest.raises(ValueError, match="expected a sample id"):
        SlotKey.parse(text)
