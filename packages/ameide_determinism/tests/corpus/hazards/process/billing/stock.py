from messages.stock_pb2 import Stock


async def count(stock: Stock) -> list[str]:
    for name in stock.shelves:  # expect: protobuf-map-order
        name
    for name, shelf in sorted(stock.shelves.items()):
        for part in shelf.counts.values():  # expect: protobuf-map-order
            part
    for name in stock.names:
        name
    dict(stock.top.counts)  # expect: protobuf-map-order
    len(stock.shelves), "x" in stock.shelves, stock.shelves["x"], sorted(stock.shelves)
    return [f"{n}" for n in stock.shelves["x"].counts]  # expect: protobuf-map-order
