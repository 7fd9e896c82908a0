"""Write the seed corpora of the readers from tests/data/catalog: python3 make_corpus.py.

A folder becomes one seed with a line "=== NAME" before each file; see fuzz_catalog.c. The
hostile seeds are small forms of what real files were found to hold.
"""
import pathlib

here = pathlib.Path(__file__).parent
data = here.parent / "data" / "catalog"

FOLDERS = {
    "movielens": ["movielens/100k", "movielens/1m", "movielens/10m", "movielens/latest"],
    "recbole": ["recbole"],
    "letterboxd": ["letterboxd"],
    "netflix": ["netflix"],
    "trakt": ["trakt/flat", "trakt/folders"],
    "tmdb": ["tmdb/tables"],
    "nfo": ["nfo/kodi", "nfo/jellyfin"],
    "imdb": ["imdb"],
}
SINGLE = ["letterboxd", "netflix", "imdb-ratings", "trakt", "tmdb", "nfo", "douban", "jsonl",
          "catalogue"]
ARCHIVES = {"letterboxd": ["letterboxd.zip"],
            "csv": ["good.zip", "outside.zip", "link.zip", "names.zip", "good.csv.gz",
                    "truncated.zip", "truncated.csv.gz", "empty.zip"]}
TEXTS = {
    "csv": {
        "plain": b"userId,movieId,rating,timestamp\n1,2,4.5,978300760\n1,3,NaN,0\n",
        "rich": b"\xef\xbb\xbfviewer;title;year;watched;liked;tag;review;imdb;tmdb;douban\r\n"
                b"bo;\"Fog, The (1980)\";1980;80%;yes;\"a|b, c\";\"x\n\"\"y\"\"\";123;862;1\r\n",
        "latin1": b"user,title\nann,caf\xe9\n",
        "nul": b"user,title\nann,a\0b\n",
        "utf16": "user,title\n".encode("utf-16"),
        "open_quote": b"user,title\nann,\"never closed\n",
        "1601": b"user,item,date\nann,1,1601-01-01T00:00:00Z\n",
        "folder": b"=== a.csv\nuser,item\nann,1\n=== b/c.tsv\nuser\titem\nann\t2\n",
    },
    "netflix": {
        "dates": b"Title,Date\nFog: Season 1: Pier,6/19/25\nFog,24.01.23\n\"A\",\"23. 1. 4.\"\n",
    },
}


def put(target, name, content):
    folder = here / "corpus" / ("catalog_" + target.replace("-", "_"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def files(folder):
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.stat().st_size < 1 << 16)


for target, folders in FOLDERS.items():
    for folder in folders:
        joined = b""
        for path in files(data / folder):
            content = path.read_bytes()
            joined += b"=== %s\n" % str(path.relative_to(data / folder)).encode() + content
            joined += b"" if content.endswith(b"\n") else b"\n"
        put(target, folder.replace("/", "_"), joined)
for target in SINGLE:
    for path in files(data / target):
        put(target, path.name.replace(" ", "_"), path.read_bytes())
for target, names in ARCHIVES.items():
    for name in names:
        put(target, name, (data / "archives" / name).read_bytes())
for target, texts in TEXTS.items():
    for name, content in texts.items():
        put(target, name, content)
