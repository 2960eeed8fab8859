"""What a run costs the disk: bytes that reach a device, bytes of a folder, and what is free."""
import os
import threading

SECTOR = 512        # bytes of the kernel's counters, whatever the device's own sectors are
SECTORS_WRITTEN = 6  # the field of /sys/dev/block/*/stat
PERIOD = 0.2        # seconds between two looks at the free space


def written(folder):
    """Bytes written to the device of a folder since it came up, by all processes; None where the
    folder is on none (tmpfs, overlays). Call os.sync() first: what is dirty is not written yet."""
    device = os.stat(folder).st_dev
    try:
        path = f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat"
        with open(path, encoding="ascii") as file:
            return int(file.read().split()[SECTORS_WRITTEN]) * SECTOR
    except OSError:
        return None


def free(folder):
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def folder_bytes(folder):
    return sum(entry.stat().st_size for entry in os.scandir(folder) if entry.is_file())


class Lowest:
    """How much less space is free meanwhile than at first, at most: files without a name included.
    Other processes' files count too."""

    def __init__(self, folder):
        self.folder, self.taken, self.first = folder, 0, free(folder)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self):
        while not self._end.wait(PERIOD):
            self.taken = max(self.taken, self.first - free(self.folder))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()
        self.taken = max(self.taken, self.first - free(self.folder))
