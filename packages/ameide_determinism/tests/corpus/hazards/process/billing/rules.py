import time  # expect: import-policy


def charge():
    return time.time()  # expect: wall-clock
