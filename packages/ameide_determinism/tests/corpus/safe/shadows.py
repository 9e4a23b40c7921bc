from dataclasses import dataclass

from temporalio import workflow


class time:
    @staticmethod
    def time():
        return 1


class random:
    @staticmethod
    def random():
        return 4


class os:
    environ = {"A": "b"}


def open(name):
    return name


def print(text):
    return text


def set(values):
    return sorted(values)


@workflow.defn
class Shadows:
    @workflow.run
    async def run(self, values: list[str]) -> None:
        time.time()
        random.random()
        os.environ["A"]
        open("x")
        print("x")
        for one in set(values):
            one
        requests = self
        requests.get("u")
        datetime = Local()
        datetime.now()
        id = hash = len
        id("x")

    def get(self, name):
        return name


@dataclass
class Local:
    at: int = 0

    def now(self):
        return self.at
