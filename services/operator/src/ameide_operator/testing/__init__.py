"""What tests of the operator share."""

from ameide_operator.testing._api_proxy import ApiProxy, is_list, is_watch, is_write
from ameide_operator.testing._fake_kubelet import FakeKubelet, PodStatus, crashed, running, unschedulable, waiting
from ameide_operator.testing._operator_process import operator_process
from ameide_operator.testing._process_kubelet import ProcessKubelet
from ameide_operator.testing._samples import merged, process_resource

__all__ = [
    "ApiProxy",
    "FakeKubelet",
    "PodStatus",
    "ProcessKubelet",
    "crashed",
    "is_list",
    "is_watch",
    "is_write",
    "merged",
    "operator_process",
    "process_resource",
    "running",
    "unschedulable",
    "waiting",
]
