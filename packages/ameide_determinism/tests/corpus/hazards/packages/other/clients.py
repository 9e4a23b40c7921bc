import httpx


def fetch():
    return httpx.get("u")  # expect: network


class Client:
    def get(self):
        with open("x") as file:  # expect: file-io
            return file.read()
