#!/usr/bin/env python3
"""Is every film of the catalogue whole, as docs/catalogue.md says it must be?

Members and their kinds, ids, roles of events, both languages, names; over all films: no film
twice, enough of them, and numbers of MovieLens-100K that belong to the film. Titles and years
are compared with $FORKREEL_CACHE/ml-100k or ~/.cache/forkreel/ml-100k where the set is there.

    check_catalogue.py              the catalogue of this tree
    check_catalogue.py FILE...      only these films, without the counts
    check_catalogue.py --self-test  is each kind of hole found?
"""
import copy
import itertools
import json
import os
import re
import sys
import unicodedata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILMS_MIN, MOVIELENS_MIN, CHINESE_MIN = 150, 110, 25

LANGUAGES = ("en", "zh")
GENRES = set("Action Adventure Animation Children's Comedy Crime Documentary Drama Fantasy "
             "Film-Noir Horror Musical Mystery Romance Sci-Fi Thriller War Western".split())
AGE_RATINGS = {"G", "PG", "PG-13", "R", "NC-17"}
RELATIONS = set("friend ally enemy rival sibling married lovers colleague loves trusts hates "
                "fears owes hunts wants suspects deceives mentor parent boss".split())
PARTS = set("protagonist antagonist love ally mentor rival family victim creature other".split())
COUNTRIES = set("AE AR AT AU BE BR CA CH CL CN CO CU CZ DE DK DZ EG ES FI FR GB GR HK HU IE IL "
                "IN IR IS IT JP KR LU MA MT MX NL NO NZ PE PH PL PT RO RS RU SE SG SK SU TH TN "
                "TR TW UA US ZA".split())
SPOKEN = set("ar cs da de el en es fa fi fr he hi hu is it ja ko nl no pl pt ro ru sv th tr "
             "zh".split())
ROLE_KINDS = {"a": "characters", "b": "characters", "c": "characters", "place": "places",
              "object": "objects", "group": "groups"}

# member: (kind, is it needed)
FILM = {"forkreel_film": (int, True), "title": (dict, True), "year": (int, True),
        "ids": (dict, True), "countries": (list, True), "language": (str, True),
        "directors": (list, True), "cast": (list, True), "genres": (list, True),
        "keywords": (dict, True),
        "age_rating": (str, True), "runtime_min": (int, True), "setting": (dict, True),
        "places": (list, True), "objects": (list, False), "groups": (list, False),
        "characters": (list, True), "beats": (list, True)}
TITLE = {"en": (str, True), "zh": (str, True), "original": (str, False)}
PAIR = {"en": (str, True), "zh": (str, True)}
PAIR_OF_LISTS = {"en": (list, True), "zh": (list, True)}
ALIASES = {"en": (list, False), "zh": (list, False)}
CREDIT = {**PAIR, "as": (str, False)}
THING = {"id": (str, True), **PAIR}
OBJECT = {**THING, "owner": (str, False)}
CHARACTER = {"id": (str, True), "name": (dict, True), "alias": (dict, False),
             "gender": (str, True), "role": (str, True), "traits": (dict, True),
             "goal": (dict, True), "at": (str, True),
             "group": (str, False), "relations": (list, False)}
RELATION = {"is": (str, True), "to": (str, True)}
BEAT = {"event": (str, True), **PAIR, **{role: (str, False) for role in ROLE_KINDS}}

# Names that stand in Latin letters in Chinese too, and are spelled so there.
LATIN_IN_CHINESE = re.compile(r"007|E\.T\.|U-96|K-9|HAL|T-800|T-1000|R2-D2|C-3PO|B-52|"
                              r"(?<![A-Za-z])[MVX](?![A-Za-z])")
# Of the commonest characters those that simplified writing does not have.
TRADITIONAL = set("個們這來時說國學對過還沒問間門開關東車長見無為與從後會點現實樣當愛親轉動頭電話兒寫書買賣讓錢貓"
                  "鳥馬魚龍風飛難離覺歲氣員廠廣應該請誰讀認識謝許誤遠運達進連邊遊")
# Capitals that name no person of the film: peoples, places, the calendar, forms of address.
CAPITALS = set("""
    Africa African America American Americans April Arab Asia Asian Atlanta Atlantic August
    Australia Australian Austria Austrian Bavaria Berlin Bible Boston Britain British Briton
    Brooklyn Buddhist California Cambodia Cambodian Canada Catholic Chicago Chile China Chinese
    Christian Christmas City Colombia Communist Cuba Cuban Czech Danish December Devil Dr Duke
    Dutch Earth East Easter England English Englishman Englishwoman Europe European Eve February
    Florida Force France French Frenchman Friday Führer Gaelic German Germans Germany God Greek
    Hall Halloween Hollywood Hong I India Indian Indians Ireland Irish Irishman Islamic Italian
    Italians Italy January Japan Japanese Jedi Jew Jewish Jews July June King Kong Korean Latin
    London Manhattan March Marseillaise May Mexican Mexico Miss Monday Montana Moscow Mr Mrs Ms
    Muslim Naples Nations Nazi Nazis Nevada New Norman North November October Oregon Pacific
    Paris Poland Polish President Prince Princess Queen Rio Roman Romans Rome Russia Russian
    Russians Saturday Scot Scotland Scots Scottish September Shanxi Sicilian Sicily Sir South
    Soviet Spain Spanish States Sunday Swedish Swiss Taiwan Texas Thai Thanksgiving Thursday
    Tuesday Turkish United Vega Vienna Vietnam Vietnamese Washington Wednesday Welsh West Yankee
    Yankees Year York
""".split())


def events_known():
    """{name: roles that must be filled}, from the schema, or from its description without it."""
    schema = ROOT / "data/events.json"
    if schema.exists():
        events = json.loads(schema.read_text(encoding="utf-8"))["events"]
        return {event["name"]: list(event["roles"]) for event in events}
    described = (ROOT / "docs/events.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([a-z, ]+) \|", described, re.M)
    return {name: roles.split(", ") for name, roles in rows}


def movielens_titles():
    cache = Path(os.environ.get("FORKREEL_CACHE") or Path.home() / ".cache/forkreel")
    items = cache / "ml-100k/ml-100k.item"
    if not items.exists():
        return None
    lines = items.read_text(encoding="utf-8", errors="replace").splitlines()
    return {row[0]: (row[1], row[2]) for row in (line.split("\t") for line in lines[1:])}


def is_kind(value, kind):
    return isinstance(value, kind) and not isinstance(value, bool)


def shape(value, members, where, say):
    """Has it these members, of their kind, not empty, and no others?"""
    before = len(say)
    if not is_kind(value, dict):
        say.append(f"{where}: not an object")
        return False
    for name in value.keys() - members.keys():
        say.append(f"{where}: unknown member '{name}'")
    for name, (kind, is_needed) in members.items():
        if name not in value:
            if is_needed:
                say.append(f"{where}: '{name}' is missing")
        elif not is_kind(value[name], kind):
            say.append(f"{where}: '{name}' is no {kind.__name__}")
        elif kind is str and not value[name].strip():
            say.append(f"{where}: '{name}' is empty")
    return len(say) == before


def shapes(document):
    """All members and kinds; what follows may rely on them when this finds nothing."""
    say = []
    if not shape(document, FILM, "film", say):
        return say
    for name, members in (("title", TITLE), ("setting", PAIR), ("keywords", PAIR_OF_LISTS)):
        shape(document[name], members, name, say)
    for name, members in (("directors", PAIR), ("cast", CREDIT), ("places", THING),
                          ("objects", OBJECT), ("groups", THING), ("characters", CHARACTER),
                          ("beats", BEAT)):
        for i, item in enumerate(document.get(name, [])):
            shape(item, members, f"{name}[{i}]", say)
    if say:
        return say
    for person in document["characters"]:
        for name, members in (("name", PAIR), ("goal", PAIR), ("traits", PAIR_OF_LISTS),
                              ("alias", ALIASES)):
            if name in person:
                shape(person[name], members, f"{person['id']}.{name}", say)
        for relation in person.get("relations", []):
            shape(relation, RELATION, f"{person['id']}.relations", say)
    for where, listed in lists_of_texts(document):
        if not all(is_kind(text, str) and text.strip() for text in listed):
            say.append(f"{where}: not a list of texts")
    return say


def lists_of_texts(document):
    for name in ("countries", "genres"):
        yield name, document[name]
    for language in LANGUAGES:
        yield f"keywords.{language}", document["keywords"].get(language, [])
        for person in document["characters"]:
            for name in ("traits", "alias"):
                yield f"{person['id']}.{name}.{language}", person.get(name, {}).get(language, [])


def texts(document, language):
    """Every text of one language: (where, text)."""
    for name in ("title", "setting"):
        yield name, document[name][language]
    for name in ("directors", "cast", "places", "objects", "groups", "beats"):
        for i, item in enumerate(document.get(name, [])):
            yield f"{name}[{i}]", item[language]
    for person in document["characters"]:
        yield f"{person['id']}.name", person["name"][language]
        yield f"{person['id']}.goal", person["goal"][language]
    for where, listed in lists_of_texts(document):
        if where.endswith("." + language):
            yield from ((where, text) for text in listed)


def names_of(person, language):
    return [person["name"][language], *person.get("alias", {}).get(language, [])]


def is_named(text, person, language):
    return any(name.casefold() in text.casefold() for name in names_of(person, language))


def check_facts(document, say):
    if document["forkreel_film"] != 1:
        say.append("forkreel_film is not 1")
    if not 1895 <= document["year"] <= 2030:
        say.append(f"year {document['year']}")
    if not 40 <= document["runtime_min"] <= 300:
        say.append(f"runtime_min {document['runtime_min']}")
    if document["age_rating"] not in AGE_RATINGS:
        say.append(f"age_rating {document['age_rating']}")
    if document["language"] not in SPOKEN:
        say.append(f"language {document['language']}")
    for name, known in (("genres", GENRES), ("countries", COUNTRIES)):
        for word in document[name]:
            if word not in known:
                say.append(f"{name}: no '{word}'")
        if len(document[name]) != len(set(document[name])):
            say.append(f"{name}: one stands twice")
    for name, low, high in (("places", 2, 5), ("objects", 0, 4), ("groups", 0, 3),
                            ("characters", 3, 7), ("beats", 6, 10), ("cast", 1, 6),
                            ("directors", 1, 4), ("genres", 1, 6), ("countries", 1, 6)):
        if not low <= len(document.get(name, [])) <= high:
            say.append(f"{name}: {len(document.get(name, []))}, not {low} to {high}")
    if not all(is_kind(number, str) for number in document["ids"].values()):
        say.append("ids: not texts")
    n_en, n_zh = (len(document["keywords"][language]) for language in LANGUAGES)
    if n_en != n_zh or not n_en:
        say.append("keywords: not as many in both languages")


def check_ids(document, events, say):
    """Ids are unique, and what is named by id is there and of the right kind."""
    kinds = {}
    for kind in ("places", "objects", "groups", "characters"):
        for item in document.get(kind, []):
            if not re.fullmatch(r"[a-z0-9_]+", item["id"]):
                say.append(f"id '{item['id']}'")
            if item["id"] in kinds:
                say.append(f"id '{item['id']}' stands twice")
            kinds[item["id"]] = kind

    def points(where, name, *wanted):
        if kinds.get(name) not in wanted:
            say.append(f"{where}: '{name}' is none of {' or '.join(wanted)}")

    for item in document["cast"]:
        if "as" in item:
            points("cast", item["as"], "characters")
    for item in document.get("objects", []):
        if "owner" in item:
            points("owner", item["owner"], "characters")
    for person in document["characters"]:
        points(f"{person['id']}.at", person["at"], "places")
        if "group" in person:
            points(f"{person['id']}.group", person["group"], "groups")
        check_relations(person, points, say)
    for i, beat in enumerate(document["beats"]):
        roles = {role: beat[role] for role in ROLE_KINDS if role in beat}
        for role, name in roles.items():
            points(f"beats[{i}].{role}", name, ROLE_KINDS[role])
        if beat["event"] not in events:
            say.append(f"beats[{i}]: no event '{beat['event']}'")
        for role in events.get(beat["event"], []):
            if role not in roles:
                say.append(f"beats[{i}]: {beat['event']} lacks {role}")
        for role in roles.keys() - {"place"} - set(events.get(beat["event"], roles)):
            say.append(f"beats[{i}]: {beat['event']} has no {role}")
        persons = [name for role, name in roles.items() if ROLE_KINDS[role] == "characters"]
        if len(persons) != len(set(persons)):
            say.append(f"beats[{i}]: one person in two roles")


def check_relations(person, points, say):
    for relation in person.get("relations", []):
        if relation["is"] not in RELATIONS:
            say.append(f"{person['id']}: no relation '{relation['is']}'")
        if relation["to"] == person["id"]:
            say.append(f"{person['id']}: a relation to itself")
        points(f"{person['id']}.relations", relation["to"], "characters",
               *(["objects"] if relation["is"] == "wants" else []))


def check_persons(document, say):
    taken = {}
    for person in document["characters"]:
        if person["gender"] not in ("m", "f", "n"):
            say.append(f"{person['id']}: gender '{person['gender']}'")
        if person["role"] not in PARTS:
            say.append(f"{person['id']}: role '{person['role']}'")
        for language in LANGUAGES:
            n_traits = len(person["traits"][language])
            if not 2 <= n_traits <= 4:
                say.append(f"{person['id']}: {n_traits} traits in {language}")
            for name in names_of(person, language):
                if taken.setdefault((language, name), person["id"]) != person["id"]:
                    say.append(f"name '{name}' is of {taken[language, name]} and {person['id']}")


def check_language(document, say):
    for where, text in texts(document, "zh"):
        if re.search(r"[A-Za-z\uff21-\uff5a]", LATIN_IN_CHINESE.sub("", text)):
            say.append(f"{where}: Latin letters in Chinese: {text}")
        if re.search(r"[,;:?!()\"'\s]|\.(?!\d)", LATIN_IN_CHINESE.sub("", text)):
            say.append(f"{where}: punctuation is not Chinese: {text}")
        if not re.search(r"[\u4e00-\u9fff\d]", text) and not LATIN_IN_CHINESE.fullmatch(text):
            say.append(f"{where}: not Chinese: {text}")
        if TRADITIONAL & set(text):
            say.append(f"{where}: not simplified ({''.join(TRADITIONAL & set(text))}): {text}")
    for where, text in texts(document, "en"):
        if re.search(r"[\u3000-\u9fff\uff00-\uffef]", text):
            say.append(f"{where}: Chinese in English: {text}")


def check_sentences(document, say):
    for i, beat in enumerate(document["beats"]):
        where = f"beats[{i}]"
        n_words, n_characters = len(beat["en"].split()), len(beat["zh"])
        if not beat["en"].endswith(".") or re.search(r"[a-z]{3}[.!?] [A-Z]", beat["en"]):
            say.append(f"{where}: not one English sentence")
        if not beat["zh"].endswith("。") or len(re.findall("[。！？]", beat["zh"])) != 1:
            say.append(f"{where}: not one Chinese sentence")
        if not 12 <= n_words <= 40:
            say.append(f"{where}: {n_words} words")
        if not 16 <= n_characters <= 80:
            say.append(f"{where}: {n_characters} Chinese characters")
        if re.search("[“”\"「」『』‘]", beat["en"] + beat["zh"]):
            say.append(f"{where}: a quotation")
    for (i, one), (k, other) in itertools.combinations(enumerate(document["beats"]), 2):
        if likeness(words(one["en"]), words(other["en"])) > .6 or \
           likeness(pairs(one["zh"]), pairs(other["zh"])) > .6:
            say.append(f"beats[{k}]: nearly beats[{i}]")


def check_names(document, say):
    """Whoever acts in a beat is named in it; whoever is named is known; actors are not."""
    persons = {person["id"]: person for person in document["characters"]}
    named = [document["title"], document["setting"]]
    for kind in ("places", "objects", "groups"):
        named += document.get(kind, [])
    known = {}
    for language in LANGUAGES:
        known[language] = " ".join(item[language] for item in named)
        for person in persons.values():
            known[language] += " " + " ".join(names_of(person, language))
    known_words = set(re.findall(r"[\w'-]+", known["en"])) | CAPITALS
    known_words |= {part for word in known_words for part in word.split("-")}
    for i, beat in enumerate(document["beats"]):
        where = f"beats[{i}]"
        for role, name in beat.items():
            if ROLE_KINDS.get(role) != "characters":
                continue
            for language in LANGUAGES:
                if not is_named(beat[language], persons[name], language):
                    say.append(f"{where}: {role} = {name} is not named in {language}")
        for word in re.findall(r"(?<=[\w,;:)-] )[A-ZÀ-Þ][\w'-]*", beat["en"]):
            bare = re.sub(r"'s?$", "", word)
            if not {bare, word, bare.removesuffix("s")} & known_words and \
               not set(bare.split("-")) <= known_words:
                say.append(f"{where}: who or what is '{word}'?")
        for word in re.findall(r"[\u4e00-\u9fff]·[\u4e00-\u9fff]", beat["zh"]):
            if word not in known["zh"]:
                say.append(f"{where}: who or what is '{word}'?")
        for actor in document["cast"]:
            for language in LANGUAGES:
                if actor[language] in beat[language] and actor[language] not in known[language]:
                    say.append(f"{where}: {actor[language]} is an actor")


def check_film(document, events):
    say = shapes(document)
    if say:
        return say
    check_facts(document, say)
    check_ids(document, events, say)
    if say:
        return say
    check_persons(document, say)
    check_language(document, say)
    check_sentences(document, say)
    check_names(document, say)
    return say


def words(text):
    return set(re.findall(r"\w+", text.casefold()))


def pairs(text):
    return {text[i:i + 2] for i in range(len(text) - 1)}


def likeness(one, other):
    return len(one & other) / max(1, len(one | other))


def plain(title):
    """"Postino, Il" and "Il Postino" are one title."""
    articles = "The|A|An|La|Le|Les|L'|Il|Lo|El|Los|Der|Die|Das"
    title = re.sub(rf"^(.*), ({articles})$", r"\2 \1", title.strip())
    letters = unicodedata.normalize("NFD", title).casefold().replace("&", "and")
    return "".join(c for c in letters if c.isalnum())


def is_titled(document, title):
    ours = [document["title"][name] for name in ("en", "original") if name in document["title"]]
    ours += document["title"]["en"].split(": ")
    theirs = (title, re.sub(r"\s*\(.*\)", "", title), *re.findall(r"\(([^)]*)\)", title))
    return bool({plain(each) for each in ours} & {plain(each) for each in theirs})


def slug_of(document):
    letters = unicodedata.normalize("NFD", document["title"]["en"]).casefold()
    letters = re.sub(r"['’\u0300-\u036f]", "", letters).replace("&", "and")
    return "-".join([*re.findall(r"[a-z0-9]+", letters), str(document["year"])])


def check_all(films, titles, say):
    """What only the whole catalogue shows; films is {file name: document}, each whole."""
    seen = {}
    for name, film in films.items():
        number = film["ids"].get("ml-100k")
        keys = [("film", plain(film["title"]["en"]), film["year"]),
                ("film", film["title"]["zh"], film["year"])]
        keys += [("beat", beat[language]) for beat in film["beats"] for language in LANGUAGES]
        for key in keys + ([("ml-100k", number)] if number else []):
            if seen.setdefault(key, name) != name:
                say.append(f"{name}: {key[0]} as in {seen[key]}: {key[1]}")
        if name != slug_of(film) + ".json":
            say.append(f"{name}: should be {slug_of(film)}.json")
        if number is None or titles is None:
            continue
        title, year = titles.get(number, ("", ""))
        if not is_titled(film, title):
            say.append(f"{name}: ml-100k {number} is '{title}'")
        elif year.isdigit() and abs(int(year) - film["year"]) > 1:
            say.append(f"{name}: {film['year']}, in ml-100k {year}")


def check_counts(films, say):
    numbers = {film["ids"]["ml-100k"] for film in films.values() if "ml-100k" in film["ids"]}
    n_chinese = sum(film["language"] == "zh" for film in films.values())
    for n, least, what in ((len(films), FILMS_MIN, "films"),
                           (len(numbers), MOVIELENS_MIN, "films of MovieLens-100K"),
                           (n_chinese, CHINESE_MIN, "films in Chinese")):
        if n < least:
            say.append(f"catalogue: {n} {what}, not {least}")


def keys_stand_once(pairs_of_object):
    names = [name for name, _ in pairs_of_object]
    for name in set(names):
        if names.count(name) > 1:
            raise ValueError(f"'{name}' stands twice")
    return dict(pairs_of_object)


def read(path, say):
    try:
        return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=keys_stand_once)
    except ValueError as mistake:
        say.append(f"{path.name}: {mistake}")
        return None


def main(paths):
    say, films, events = [], {}, events_known()
    for path in paths or sorted((ROOT / "data/catalogue").glob("*.json")):
        document = read(Path(path), say)
        if document is None:
            continue
        found = check_film(document, events)
        say += [f"{Path(path).name}: {finding}" for finding in found]
        if not shapes(document):
            films[Path(path).name] = document
    check_all(films, movielens_titles(), say)
    if not paths:
        check_counts(films, say)
    print("\n".join(say + [f"{len(films)} films, {len(say)} findings"]))
    return bool(say)


def good_film():
    """A whole film, which never was."""
    return json.loads((Path(__file__).parent / "good_film.json").read_text(encoding="utf-8"))


def put(*path):
    """A change: at the path of keys and indices stands the last argument, or nothing (...)."""
    *way, last, value = path

    def change(film):
        for step in way:
            film = film[step]
        if value is ...:
            del film[last]
        else:
            film[last] = value
    return change


def in_beat(i, language, old, new):
    return put("beats", i, language, good_film()["beats"][i][language].replace(old, new))


def holes():
    """(what must be said, change that makes the hole)."""
    for name, (_, is_needed) in FILM.items():
        if is_needed:
            yield f"'{name}' is missing", put(name, ...)
    yield from ((f"'{name}' is no", put(name, 1.5)) for name in FILM)
    yield "unknown member", put("colour", "red")
    yield "unknown member", put("beats", 0, "mood", "dark")
    yield "not an object", put("places", 0, "tower")
    yield "'zh' is missing", put("title", "zh", ...)
    yield "'en' is missing", put("characters", 1, "goal", "en", ...)
    yield "'zh' is empty", put("setting", "zh", " ")
    yield "not a list of texts", put("keywords", "zh", [3])
    yield "year", put("year", 1776)
    yield "runtime_min", put("runtime_min", 4)
    yield "age_rating", put("age_rating", "U")
    yield "language", put("language", "xx")
    yield "genres: no", put("genres", ["Weird"])
    yield "genres: one stands twice", put("genres", ["Drama", "Drama"])
    yield "countries: no", put("countries", ["UK"])
    yield "keywords: not as many", put("keywords", "en", ["sea", "storm"])
    yield "ids: not texts", put("ids", {"ml-100k": 7})
    yield "beats: 5", put("beats", 5, ...)
    yield "places: 1", put("places", 1, ...)
    yield "cast: 0", put("cast", [])
    yield "id 'The Pier'", put("places", 1, "id", "The Pier")
    yield "id 'tower' stands twice", put("places", 1, "id", "tower")
    yield "'nobody' is none of characters", put("cast", 0, "as", "nobody")
    yield "owner: 'pier'", put("objects", 0, "owner", "pier")
    yield "mara.at: 'ivo'", put("characters", 0, "at", "ivo")
    yield "ivo.group: 'mara'", put("characters", 1, "group", "mara")
    yield "no relation 'envies'", put("characters", 0, "relations", 0, "is", "envies")
    yield "a relation to itself", put("characters", 0, "relations", 0, "to", "mara")
    yield "mara.relations: 'lamp'", put("characters", 0, "relations", 1, "is", "loves")
    yield "no event 'picnic'", put("beats", 3, "event", "picnic")
    yield "theft lacks object", put("beats", 2, "object", ...)
    yield "arrival has no b", put("beats", 0, "b", "ivo")
    yield "arrival has no object", put("beats", 0, "object", "lamp")
    yield "beats[4].group: 'tower'", put("beats", 4, "group", "tower")
    yield "beats[1].b: 'lamp'", put("beats", 1, "b", "lamp")
    yield "one person in two roles", put("beats", 1, "b", "mara")
    yield "gender", put("characters", 0, "gender", "x")
    yield "role 'clown'", put("characters", 0, "role", "clown")
    yield "1 traits in zh", put("characters", 0, "traits", "zh", ["冷静"])
    yield "name 'Mara' is of", put("characters", 1, "name", "en", "Mara")
    yield "Latin letters", put("setting", "zh", "1910年的Brittany灯塔")
    yield "punctuation is not Chinese", in_beat(5, "zh", "，", ",")
    yield "not simplified", put("characters", 2, "goal", "zh", "離開這座島")
    yield "Chinese in English", put("places", 0, "en", "灯塔")
    yield "not one English sentence", in_beat(0, "en", ".", "")
    yield "not one English sentence", in_beat(0, "en", "On a", "Mara rows out. On a")
    yield "not one Chinese sentence", in_beat(0, "zh", "，", "。")
    yield "beats[0]: 5 words", put("beats", 0, "en", "Mara rows to the tower.")
    yield "beats[0]: 8 Chinese", put("beats", 0, "zh", "玛拉来到灯塔。。")
    yield "a quotation", put("beats", 0, "zh", "玛拉说“我来了”，随后划船去了灯塔，接替守灯人。")
    yield "nearly beats[0]", put("beats", 5, {**good_film()["beats"][0], "event": "journey"})
    yield "is not named in en", in_beat(0, "en", "Mara", "she")
    yield "is not named in zh", in_beat(0, "zh", "玛拉", "她")
    yield "'Otto'?", in_beat(5, "en", "the wick", "the wick for Otto")
    yield "'奥·沙'?", in_beat(5, "zh", "灯芯", "萨奥·沙因的灯芯")
    yield "is an actor", in_beat(5, "zh", "灯芯", "莉丝·佩兰的灯芯")


def self_test():
    events, say = events_known(), []
    titles = {"7": ("Keeper's Lamp, The", "1999"), "8": ("Jaws", "1975")}
    good = good_film()
    assert check_film(good, events) == [], check_film(good, events)
    for wanted, change in holes():
        film = copy.deepcopy(good)
        change(film)
        found = check_film(film, events)
        if not any(wanted in finding for finding in found):
            say.append(f"'{wanted}' is not said; said is {found}")

    def whole(wanted, name="the-keepers-lamp-1999.json", **changes):
        found = []
        check_all({"the-keepers-lamp-1999.json": good, name: {**good, **changes}}, titles, found)
        if wanted and not any(wanted in finding for finding in found) or not wanted and found:
            say.append(f"'{wanted}' is not said; said is {found}")

    whole("")
    whole("film as in", "twin-1999.json")
    whole("ml-100k as in", "twin-1999.json")
    whole("beat as in", "twin-1999.json")
    whole("should be", "twin-1999.json")
    whole("is 'Jaws'", ids={"ml-100k": "8"})
    whole("is ''", ids={"ml-100k": "9999"})
    whole("in ml-100k 1999", year=2003)
    counted = []
    check_counts({"one": good}, counted)
    if [finding.split()[2] for finding in counted] != ["films,", "films", "films"]:
        say.append(f"too small a catalogue is not told: {counted}")
    try:
        json.loads('{"a": 1, "a": 2}', object_pairs_hook=keys_stand_once)
        say.append("a key may stand twice")
    except ValueError:
        pass
    print("\n".join(say + [f"{len(list(holes()))} holes, {len(say)} not found"]))
    return bool(say)


if __name__ == "__main__":
    sys.exit(self_test() if sys.argv[1:] == ["--self-test"] else main(sys.argv[1:]))
