from aiokafka.protocol.api import RequestStruct

class MetadataRequest_v1(RequestStruct): ...  # noqa: N801 - aiokafka's name
class MetadataRequest_v4(RequestStruct): ...  # noqa: N801 - aiokafka's name
