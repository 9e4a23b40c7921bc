import time


def stamp():
    return time.time()  # expect: wall-clock
