/** Small worlds for tests of plots, written for them. */
#ifndef PLOT_WORLDS_H
#define PLOT_WORLDS_H

/** Seven persons of every kind of relation, in both languages; nine beats. */
static const char world_harbour[] =
    "{\"forkreel_film\": 1, \"title\": {\"en\": \"The Harbour\", \"zh\": \"港湾\"},"
    "\"genres\": [\"Drama\", \"Crime\"], \"age_rating\": \"PG-13\","
    "\"setting\": {\"en\": \"a small harbour in winter\", \"zh\": \"冬天的一座小港\"},"
    "\"places\": [{\"id\": \"quay\", \"en\": \"the quay\", \"zh\": \"码头\"},"
    "{\"id\": \"inn\", \"en\": \"the Anchor Inn\", \"zh\": \"铁锚客栈\"},"
    "{\"id\": \"bergen\", \"en\": \"Bergen\", \"zh\": \"卑尔根\"}],"
    "\"objects\": [{\"id\": \"map\", \"en\": \"the sea chart\", \"zh\": \"海图\","
    "\"owner\": \"olav\"}, {\"id\": \"ring\", \"en\": \"a silver ring\", \"zh\": "
    "\"银戒指\","
    "\"at\": \"inn\"}],"
    "\"groups\": [{\"id\": \"customs\", \"en\": \"the customs men\", \"zh\": "
    "\"缉私队\"}],"
    "\"characters\": ["
    "{\"id\": \"ida\", \"name\": {\"en\": \"Ida Holm\", \"zh\": \"伊达·霍尔姆\"},"
    "\"alias\": {\"en\": [\"Ida\"], \"zh\": [\"伊达\"]}, \"gender\": \"f\","
    "\"role\": \"protagonist\", \"traits\": {\"en\": [\"stubborn\", \"quick\"], \"zh\": "
    "[\"倔强\", \"机敏\"]}, \"goal\": {\"en\": \"to own a boat\", \"zh\": "
    "\"有一条自己的船\"}, \"at\": \"quay\", \"relations\": [{\"is\": \"friend\", \"to\": "
    "\"olav\"}, {\"is\": \"wants\", \"to\": \"map\"}]},"
    "{\"id\": \"olav\", \"name\": {\"en\": \"Olav\", \"zh\": \"奥拉夫\"}, \"gender\": "
    "\"m\","
    "\"role\": \"ally\", \"at\": \"quay\", \"relations\": [{\"is\": \"sibling\", \"to\": "
    "\"marit\"}]},"
    "{\"id\": \"marit\", \"name\": {\"en\": \"Marit\", \"zh\": \"玛丽特\"}, \"gender\": "
    "\"f\", \"role\": \"family\", \"at\": \"inn\", \"relations\": [{\"is\": \"parent\", "
    "\"to\": \"tom\"}]},"
    "{\"id\": \"tom\", \"name\": {\"en\": \"Tom\", \"zh\": \"汤姆\"}, \"gender\": \"m\","
    "\"role\": \"victim\", \"at\": \"inn\"},"
    "{\"id\": \"grim\", \"name\": {\"en\": \"Captain Grim\", \"zh\": \"格里姆船长\"},"
    "\"alias\": {\"en\": [\"Grim\"], \"zh\": [\"格里姆\"]}, \"gender\": \"m\", \"role\": "
    "\"antagonist\", \"at\": \"inn\", \"group\": \"customs\", \"relations\": [{\"is\": "
    "\"enemy\", \"to\": \"ida\"}, {\"is\": \"boss\", \"to\": \"tom\"}]},"
    "{\"id\": \"jon\", \"name\": {\"en\": \"Jon\", \"zh\": \"约恩\"}, \"gender\": \"m\","
    "\"role\": \"love\", \"at\": \"bergen\", \"relations\": [{\"is\": \"loves\", \"to\": "
    "\"ida\"}]},"
    "{\"id\": \"machine\", \"name\": {\"en\": \"the machine\", \"zh\": \"机器\"}, "
    "\"gender\": \"n\", \"role\": \"creature\"}],"
    "\"beats\": ["
    "{\"event\": \"threat\", \"a\": \"grim\", \"b\": \"ida\", \"place\": \"quay\", "
    "\"en\": "
    "\"Captain Grim tells Ida to be gone by morning.\", \"zh\": "
    "\"格里姆船长叫伊达天亮前离开。\"},"
    "{\"event\": \"promise\", \"a\": \"olav\", \"b\": \"ida\", \"en\": \"Olav promises "
    "Ida "
    "the sea chart.\", \"zh\": \"奥拉夫答应把海图给伊达。\"},"
    "{\"event\": \"theft\", \"a\": \"tom\", \"b\": \"olav\", \"object\": \"map\", "
    "\"en\": "
    "\"Tom steals the sea chart from Olav.\", \"zh\": \"汤姆偷走了奥拉夫的海图。\"},"
    "{\"event\": \"chase\", \"a\": \"ida\", \"b\": \"tom\", \"en\": \"Ida runs after Tom "
    "over the ice.\", \"zh\": \"伊达在冰上追赶汤姆。\"},"
    "{\"event\": \"rescue\", \"a\": \"ida\", \"b\": \"tom\", \"en\": \"The ice breaks, "
    "and "
    "Ida pulls Tom out.\", \"zh\": \"冰裂了，伊达把汤姆拉了上来。\"},"
    "{\"event\": \"confession\", \"a\": \"tom\", \"b\": \"ida\", \"en\": \"Tom says who "
    "sent "
    "him.\", \"zh\": \"汤姆说出是谁指使的。\"},"
    "{\"event\": \"victory\", \"a\": \"ida\", \"b\": \"grim\", \"en\": \"Ida beats Grim "
    "to "
    "the wreck.\", \"zh\": \"伊达抢在格里姆之前找到了沉船。\"}]}";

/** Two strangers, one place, English alone. */
static const char world_two[] =
    "{\"title\": {\"en\": \"Two\"}, \"setting\": {\"en\": \"a road\"}, \"genres\": "
    "[\"Western\"], \"places\": [{\"id\": \"road\", \"en\": \"the road\"}],"
    "\"characters\": [{\"id\": \"ann\", \"name\": {\"en\": \"Ann\"}, \"gender\": \"f\"},"
    "{\"id\": \"bob\", \"name\": {\"en\": \"Bob\"}, \"gender\": \"m\"}],"
    "\"beats\": [{\"event\": \"arrival\", \"a\": \"ann\", \"place\": \"road\", \"en\": "
    "\"Ann "
    "comes down the road.\"}]}";

/** One person, nothing else. */
static const char world_alone[] =
    "{\"title\": {\"zh\": \"独自\"}, \"setting\": {\"zh\": \"荒岛\"}, \"characters\": "
    "[{\"id\": \"lu\", \"name\": {\"zh\": \"鲁滨\"}, \"gender\": \"m\"}], \"beats\": "
    "[{\"event\": \"survival\", \"a\": \"lu\", \"zh\": \"鲁滨独自醒来。\"}]}";

#endif
