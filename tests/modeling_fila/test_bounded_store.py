"""A dictionary with limits forgets what was not used for the longest time."""

import pytest

from modeling_fila.bounded_store import BoundedStore


def keys_of(store):
    return [key for key, _ in store.items()]


def test_the_limits_hold_for_entries_and_for_bytes():
    store = BoundedStore(max_entries=3, max_bytes=10)
    for key in "abcd":
        store.put(key, key.upper(), 2)
    assert (keys_of(store), store.num_bytes, len(store)) == (["b", "c", "d"], 6, 3)
    store.put("e", "E", 7)  # 2 + 7 fit, 2 + 2 + 7 do not
    assert (keys_of(store), store.num_bytes) == (["d", "e"], 9)


def test_what_was_used_stays():
    store = BoundedStore(max_entries=2, max_bytes=10)
    store.put("a", 1, 1)
    store.put("b", 2, 1)
    assert store.get("a") == 1
    store.put("c", 3, 1)
    assert keys_of(store) == ["a", "c"] and store.get("b") is None


def test_a_key_is_replaced_and_its_bytes_are_counted_once():
    store = BoundedStore(max_entries=2, max_bytes=10)
    store.put("a", 1, 6)
    store.put("a", 2, 4)
    assert (store.get("a"), store.num_bytes) == (2, 4)
    store.discard("a")
    store.discard("a")
    assert (len(store), store.num_bytes, "a" in store) == (0, 0, False)


def test_what_is_too_large_is_not_kept_and_drives_nothing_out():
    store = BoundedStore(max_entries=2, max_bytes=10)
    store.put("a", 1, 6)
    store.put("b", 2, 11)
    assert keys_of(store) == ["a"]
    store.put("a", 3, 11)  # the earlier value would be wrong now
    assert keys_of(store) == []


@pytest.mark.parametrize("limits", [{"max_entries": -1, "max_bytes": 1}, {"max_entries": 1, "max_bytes": -2}])
def test_negative_limits_are_named(limits):
    with pytest.raises(ValueError, match=r"=-[12] must be at least 0"):
        BoundedStore(**limits)
