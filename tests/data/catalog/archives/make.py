"""Write the archives that tests read, good and bad: python3 make.py (in this folder)."""
import gzip
import io
import os
import stat
import zipfile


def info(name, mode=stat.S_IFREG | 0o644):
    entry = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = mode << 16
    return entry


def write_zip(path, *members):
    with zipfile.ZipFile(path, "w") as out:
        for entry, data in members:
            out.writestr(entry, data)


def write_gz(path, data):
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as out:
        out.write(data)
    with open(path, "wb") as out:
        out.write(packed.getvalue())


table = b"viewer,film,rating\n" + b"".join(b"ann,%d,4\n" % i for i in range(2000))
small = b"viewer,film,rating\nann,1,4\n"
write_zip("good.zip", (info("a/ratings.csv"), small), (info("__MACOSX/a/._ratings.csv"), b"\0"))
write_zip("outside.zip", (info("ratings.csv"), small), (info("../ratings.csv"), small))
write_zip("absolute.zip", (info("/etc/ratings.csv"), small))
write_zip("backslash.zip", (info("a\\..\\..\\ratings.csv"), small))
write_zip("link.zip", (info("ratings.csv", stat.S_IFLNK | 0o777), b"/etc/hostname"))
write_zip("empty.zip")
write_zip("names.zip", (info("雾港/评分.csv"), small))
write_zip("bomb.zip", (info("ratings.csv"), small + b"ann,2,4\n" * (1 << 20)))
write_gz("bomb.csv.gz", small + b"ann,2,4\n" * (1 << 20))
write_gz("good.csv.gz", small)
write_zip("whole.zip", (info("ratings.csv"), table))
write_gz("whole.csv.gz", table)
for whole, part in ("whole.zip", "truncated.zip"), ("whole.csv.gz", "truncated.csv.gz"):
    with open(whole, "rb") as read, open(part, "wb") as out:
        data = read.read()
        out.write(data[: len(data) // 2])
    os.remove(whole)
letterboxd = os.path.join("..", "letterboxd")
members = []
for folder, _, files in sorted(os.walk(letterboxd)):
    for name in sorted(files):
        path = os.path.join(folder, name)
        with open(path, "rb") as read:
            members.append((info(os.path.relpath(path, letterboxd)), read.read()))
write_zip("letterboxd.zip", *members)
