import pytest

from clarion import __version__
from clarion.admin.figures import house_figures
from fakes.organisation import Organisation


def told(house: Organisation, expires: float | None, backed_up: float | None):
    return {
        (sample.name.removeprefix("clarion_"), sample.labels.get("state")): sample
        for family in house_figures(7, house.directory, expires, backed_up)
        for sample in family.samples
    }


async def test_people_messages_and_what_runs(house: Organisation):
    for name in ("ann", "bob", "cai"):
        await house.do("person.add", address=f"{name}@corp.example")
    await house.do("person.disable", address="cai@corp.example")
    seen = told(house, 5.0, 6.0)
    assert seen["persons", "enabled"].value == 2
    assert seen["persons", "disabled"].value == 1
    assert seen["messages_kept_total", None].value == 7
    assert seen["build_info", None].labels["version"] == __version__
    assert seen["certificate_expires_timestamp_seconds", None].value == 5
    assert seen["last_backup_timestamp_seconds", None].value == 6


@pytest.mark.parametrize("name", ["certificate_expires_timestamp_seconds"])
async def test_without_tls_no_certificate_expires(house: Organisation, name: str):
    seen = told(house, None, None)
    assert (name, None) not in seen
    assert seen["last_backup_timestamp_seconds", None].value == 0
