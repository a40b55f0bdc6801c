"""The service in a process of its own, for tests that attack it: `-m tests.bus.served ADDRESS N`.

With N disks. Changes one of them four times a second, as a backup would.
"""

import asyncio
import sys
import uuid
from dataclasses import replace

from tests.bus.serving import FakeControl, make_service
from tetrasback.service.polkit import Polkit
from tetrasback.wire import DiskView


async def main(address: str, count: int) -> None:
    control = FakeControl()
    disks = {
        str(key): DiskView(uuid=str(key), name=f"disk {key}", saved=True)
        for key in (uuid.uuid5(uuid.NAMESPACE_OID, str(number)) for number in range(count))
    }
    disks.update(control.disks())
    service = make_service(address, control, Polkit(limit=3.0))
    backups, manager = dict(control.backups()), control.manager()
    service.publish(manager, disks, dict(backups), {})
    await service.start()
    running = asyncio.create_task(service.run())
    while not running.done():
        await asyncio.sleep(0.25)
        fraction = backups[7].fraction
        backups[7] = replace(backups[7], fraction=(fraction + 0.01) % 1)
        service.publish(manager, disks, dict(backups), {})
    await running


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
