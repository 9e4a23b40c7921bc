CACHE = {}
LIMIT = 1


def remember(key):
    CACHE[key] = 1  # expect: global-state
