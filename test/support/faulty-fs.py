"""A FUSE file system that passes every operation on to a folder, except those that a file says must fail.

usage: faulty-fs.py FOLDER MOUNT_POINT FAULTS

FAULTS is a JSON file with the error of each failing operation, such as {"fsyncdir": "EINVAL"}. It is read for every
operation. "quota" limits the bytes of all files: beyond it, writing fails with EDQUOT.
"""

import errno
import json
import os
import sys

from fusepy import FUSE, FuseOSError, Operations


class FaultyFs(Operations):
    def __init__(self, folder, faults):
        self.folder = folder
        self.faults = faults

    def __call__(self, op, path, *args):
        with open(self.faults, encoding="utf8") as file:
            faults = json.load(file)
        if op in faults:
            raise FuseOSError(getattr(errno, faults[op]))
        if op == "write" and "quota" in faults and self.used() + len(args[0]) > faults["quota"]:
            raise FuseOSError(errno.EDQUOT)
        if not hasattr(self, op):
            raise FuseOSError(errno.ENOSYS)
        return getattr(self, op)(self.folder + path, *args)

    def used(self):
        return sum(os.lstat(os.path.join(at, name)).st_size for at, _, names in os.walk(self.folder) for name in names)

    def getattr(self, path, fh=None):
        keys = ("st_atime", "st_ctime", "st_gid", "st_ino", "st_mode", "st_mtime", "st_nlink", "st_size", "st_uid")
        found = os.lstat(path)
        return {key: getattr(found, key) for key in keys}

    def readdir(self, path, fh):
        return [".", "..", *os.listdir(path)]

    def statfs(self, path):
        keys = ("f_bavail", "f_bfree", "f_blocks", "f_bsize", "f_favail", "f_ffree", "f_files", "f_frsize", "f_namemax")
        found = os.statvfs(path)
        return {key: getattr(found, key) for key in keys}

    def chmod(self, path, mode):
        os.chmod(path, mode)

    def chown(self, path, uid, gid):
        os.chown(path, uid, gid)

    def mkdir(self, path, mode):
        os.mkdir(path, mode)

    def rmdir(self, path):
        os.rmdir(path)

    def unlink(self, path):
        os.unlink(path)

    def rename(self, path, new):
        os.rename(path, self.folder + new)

    def utimens(self, path, times=None):
        os.utime(path, times)

    def truncate(self, path, length, fh=None):
        os.truncate(path, length)

    def open(self, path, flags):
        return os.open(path, flags & ~os.O_APPEND)

    def create(self, path, mode, fi=None):
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)

    def read(self, path, size, offset, fh):
        return os.pread(fh, size, offset)

    def write(self, path, data, offset, fh):
        return os.pwrite(fh, data, offset)

    def fsync(self, path, datasync, fh):
        os.fsync(fh)

    def fsyncdir(self, path, datasync, fh):
        pass

    def flush(self, path, fh):
        pass

    def release(self, path, fh):
        os.close(fh)

    def opendir(self, path):
        return 0

    def releasedir(self, path, fh):
        pass

    def access(self, path, mode):
        pass

    def init(self, path):
        pass

    def destroy(self, path):
        pass


folder, mount_point, faults = sys.argv[1:]
FUSE(FaultyFs(os.path.realpath(folder), faults), mount_point, foreground=True, nothreads=True)
