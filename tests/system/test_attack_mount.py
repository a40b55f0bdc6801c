"""Scripts and disks that make the daemon believe that a backup lies where it does not."""

import pytest

from tests.system.scene import Scene


@pytest.mark.parametrize(
    "trick", ['umount --lazy "$1"', 'mount -t tmpfs none "$1"'], ids=["unmounted", "covered"]
)
def test_what_went_to_another_place_is_no_success(scene: Scene, trick: str) -> None:
    """A script that unmounts by itself, as the original's did, wrote to the server's own disk."""
    disk = scene.disk()
    scene.script(f'place=$1; cd /; {trick}; echo all >"$place/backup"; exit 0')
    scene.configure({"bleu": disk})
    scene.start()
    scene.plug(disk)
    assert scene.verdict(disk, seconds=30) == "failed"
    scene.ears.wait("SafeToUnplug", seconds=20)
    assert 'takes = "device"' in scene.history()[0]["Message"]
