"""What the store keeps and whom it tells."""

from typing import Any

import pytest
from ameide_operator.models import KIND
from ameide_operator.planning import ChildKey
from ameide_operator.reconciling import Listing, ResourceKey, Store

KEY = ResourceKey("n", "orders")


class Told(list[ResourceKey]):
    def take(self) -> list[ResourceKey]:
        """What was told since the last time."""
        taken = list(self)
        self.clear()
        return taken


def body(name: str, version: int, *, owner: str | None = "orders", uid: str = "u", **more: Any) -> dict[str, Any]:
    labels = {"ameide.io/process": owner} if owner else {}
    metadata = {"namespace": "n", "name": name, "uid": uid, "resourceVersion": str(version), "labels": labels}
    return {"metadata": metadata, **more}


def store() -> tuple[Store, Told]:
    told = Told()
    return Store(told.append), told


def listing(kind: str, *bodies: dict[str, Any]) -> Listing:
    """A list that has these."""
    of_all = Listing(kind)
    for each in bodies:
        of_all.add(each)
    return of_all


def test_a_change_is_told_once():
    kept, told = store()
    kept.see(KIND, body("orders", 1))
    kept.see(KIND, body("orders", 1))
    assert told.take() == [KEY]
    kept.see(KIND, body("orders", 2))
    assert told.take() == [KEY]


def test_change_of_a_child_is_told_to_its_resource():
    kept, told = store()
    kept.see("ConfigMap", body("orders-worker", 1))
    kept.see("ConfigMap", body("orders-worker", 1), deleted=True)
    kept.see("ConfigMap", body("orders-worker", 1), deleted=True)
    kept.see("ConfigMap", body("theirs", 1, owner=None))
    assert told.take() == [KEY, KEY]
    assert kept.children(KEY) == {}


def test_event_that_a_write_overtook_is_passed_over():
    kept, told = store()
    kept.see_write("Deployment", body("orders-worker", 5))
    kept.see("Deployment", body("orders-worker", 4))
    assert told.take() == []
    assert kept.children(KEY)[ChildKey("Deployment", "orders-worker")]["metadata"]["resourceVersion"] == "5"


def test_another_object_of_the_name_is_never_older():
    kept, told = store()
    kept.see("Deployment", body("orders-worker", 5))
    told.clear()
    kept.see("Deployment", body("orders-worker", 4, uid="other"))
    assert told.take() == [KEY]


def test_list_drops_what_is_gone():
    kept, told = store()
    kept.see(KIND, body("orders", 1))
    kept.see("Pod", body("p1", 1))
    kept.see("Pod", body("p2", 1))
    told.clear()
    kept.prune(listing("Pod", body("p2", 1)), "9")
    assert [pod["metadata"]["name"] for pod in kept.pods(KEY)] == ["p2"]
    assert told.take() == [KEY]
    kept.prune(listing(KIND), "9")
    assert kept.resource(KEY) is None


@pytest.mark.parametrize("kind", [KIND, "Pod", "Deployment"])
def test_what_was_made_while_a_list_was_under_way_stays(kind: str):
    kept, told = store()
    kept.see(kind, body("orders", 12))
    told.clear()
    kept.prune(listing(kind), "11")
    assert told.take() == []
    kept.prune(listing(kind), "12")
    assert told.take() == [KEY], "it was there at 12, so it is gone"


def test_secret_is_told_to_those_who_use_it():
    kept, told = store()
    other = ResourceKey("n", "billing")
    kept.use_secrets(KEY, ["s", "t"])
    kept.use_secrets(other, ["s"])
    kept.see("Secret", body("s", 1))
    assert sorted(told.take()) == [other, KEY]
    kept.use_secrets(KEY, ["t"])
    kept.see("Secret", body("s", 2))
    assert told.take() == [other]
    kept.prune(listing("Secret"), "9")
    assert told.take() == [other]
    assert kept.secret_version("n", "s") is None


def test_content_is_not_kept():
    kept, _ = store()
    kept.see("ConfigMap", body("orders-worker", 1, data={"a": "b"}))
    kept.see("Pod", body("p", 1, spec={"containers": []}, status={"phase": "Running"}))
    assert set(kept.children(KEY)[ChildKey("ConfigMap", "orders-worker")]) == {"metadata"}
    assert set(kept.pods(KEY)[0]) == {"metadata", "status"}


def controlled_by(owner: str, child: dict[str, Any]) -> dict[str, Any]:
    reference = {"apiVersion": "ameide.io/v1alpha1", "kind": KIND, "name": owner, "uid": "p", "controller": True}
    child["metadata"]["ownerReferences"] = [reference]
    return child


@pytest.mark.parametrize("label", [None, "other"])
def test_child_stays_with_who_controls_it_whatever_its_label_says(label: str | None):
    kept, told = store()
    kept.see("Service", controlled_by("orders", body("orders-worker", 1)))
    told.clear()
    kept.see("Service", controlled_by("orders", body("orders-worker", 2, owner=label)))
    assert told.take() == [KEY]
    assert kept.children(KEY)[ChildKey("Service", "orders-worker")]["metadata"]["resourceVersion"] == "2"
    kept.see("Service", controlled_by("orders", body("orders-worker", 3, owner=label)), deleted=True)
    assert told.take() == [KEY]
    assert kept.children(KEY) == {}


@pytest.mark.parametrize("label", [None, "other"])
def test_pod_whose_label_was_changed_leaves_its_resource(label: str | None):
    kept, told = store()
    kept.see("Pod", body("p", 1))
    told.clear()
    kept.see("Pod", body("p", 2, owner=label))
    assert kept.pods(KEY) == []
    other = ResourceKey("n", "other")
    assert told.take() == ([KEY, other] if label else [KEY])
    assert [pod["metadata"]["name"] for pod in kept.pods(other)] == (["p"] if label else [])


def test_list_drops_what_it_shows_under_another_resource_or_as_another_object():
    kept, told = store()
    for name in ("p1", "p2", "p3", "p4"):
        kept.see("Pod", body(name, 1))
    told.clear()
    listed = [body("p1", 2, owner=None), body("p2", 2, owner="other"), body("p3", 2, uid="another"), body("p4", 1)]
    kept.prune(listing("Pod", *listed), "9")
    assert [pod["metadata"]["name"] for pod in kept.pods(KEY)] == ["p4"]
    assert told.take() == [KEY] * 3


def test_deletion_of_an_earlier_object_of_the_name_is_passed_over():
    kept, told = store()
    kept.see_write("Deployment", body("orders-worker", 7, uid="new"))
    kept.see("Deployment", body("orders-worker", 6), deleted=True)
    assert told.take() == []
    assert kept.children(KEY)


def test_leaving_the_watch_before_a_write_of_ours_is_passed_over():
    """An object that loses the label that is watched for comes as deleted."""
    kept, told = store()
    kept.see_write("Deployment", body("orders-worker", 7))
    kept.see("Deployment", body("orders-worker", 6), deleted=True)
    assert told.take() == []
    assert kept.children(KEY)
