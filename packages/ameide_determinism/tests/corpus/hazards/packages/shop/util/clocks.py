import time
from datetime import datetime

LOADED_AT = datetime.now()  # expect: wall-clock
REGISTRY = []


def stamp():
    return time.time()  # expect: wall-clock


def starred():
    return time.time()  # expect: wall-clock


def unused():
    return time.time()


def main():
    print(time.time())


if __name__ == "__main__":
    main()
