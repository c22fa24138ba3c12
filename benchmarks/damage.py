"""Damage to files at random, for the commands that fuzz what reads them."""

import random


def damage(data: bytearray, generator: random.Random) -> bytes:
    """Changes some bytes, near the header in half of the cases."""
    for _ in range(generator.choice((1, 2, 8, 64))):
        end = len(data) if generator.random() < 0.5 else min(len(data), 2000)
        place = generator.randrange(end)
        action = generator.randrange(5)
        if action == 0:
            data[place] ^= 1 << generator.randrange(8)
        elif action == 1:
            data[place : place + 4] = generator.choice((b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff"))
        elif action == 2:
            data[place : place + 4] = generator.randbytes(4)
        elif action == 3 and len(data) > 4000:
            del data[place : place + generator.randrange(1, 50)]
        elif generator.random() < 0.1:
            del data[max(place, 100) :]
    return bytes(data)
