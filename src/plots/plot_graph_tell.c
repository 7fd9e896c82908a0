/** Facts as short sentences for a writer; what goes without saying is left out. */
#include "base_buffer.h"
#include "base_error.h"
#include "plot_plan.h"
#include "plot_template.h"

#include <string.h>

/** %1 and %2 of a sentence are subject and object. NULL: goes without saying. */
static const char *const sentences[PLOT_N_RELATIONS][2] = {
    [PLOT_DEAD] = {"%1 is dead.", "%1已经死了。"},
    [PLOT_INJURED] = {"%1 is hurt.", "%1受了伤。"},
    [PLOT_ILL] = {"%1 is ill.", "%1病着。"},
    [PLOT_CAPTIVE] = {"%1 is a prisoner.", "%1身陷囹圄。"},
    [PLOT_DISGUISED] = {"%1 is in disguise.", "%1乔装改扮着。"},
    [PLOT_ACCUSED] = {"%1 stands accused.", "%1背着罪名。"},
    [PLOT_GUILTY] = {"%1 is guilty.", "%1确有罪责。"},
    [PLOT_RESOLVED] = {"%1 has made a decision.", "%1已下定决心。"},
    [PLOT_DOUBTING] = {"%1 is full of doubt.", "%1满心怀疑。"},
    [PLOT_CHANGED] = {"%1 is no longer the same.", "%1已不是从前的样子。"},
    [PLOT_POWERFUL] = {"%1 has the upper hand.", "%1占着上风。"},
    [PLOT_FALLEN] = {"%1 has lost everything.", "%1一败涂地。"},
    [PLOT_HIDDEN] = {"%1 is in hiding.", "%1躲藏着。"},
    [PLOT_GOAL_MET] = {"%1 has reached the goal.", "%1得偿所愿。"},
    [PLOT_GOAL_LOST] = {"%1 has lost all hope of the goal.", "%1所求已经落空。"},
    [PLOT_IN_DANGER] = {"%1 is in danger.", "%1身处险境。"},
    [PLOT_DESTROYED] = {"%1 is destroyed.", "%1已经毁了。"},
    [PLOT_LOST] = {"Nobody knows where %1 is.", "没人知道%1在哪里。"},
    [PLOT_AT] = {"%1 is at %2.", "%1在%2。"},
    [PLOT_HAS] = {"%1 has %2.", "%1手里有%2。"},
    [PLOT_WANTS] = {"%1 wants %2.", "%1想得到%2。"},
    [PLOT_MEMBER] = {"%1 belongs to %2.", "%1属于%2。"},
    [PLOT_KNOWS] = {"%1 knows the truth about %2.", "%1知道%2的真相。"},
    [PLOT_TRUSTS] = {"%1 trusts %2.", "%1信任%2。"},
    [PLOT_LOVES] = {"%1 loves %2.", "%1爱着%2。"},
    [PLOT_HATES] = {"%1 hates %2.", "%1恨%2。"},
    [PLOT_OWES] = {"%1 owes %2 a debt.", "%1欠着%2的情。"},
    [PLOT_PROMISED] = {"%1 has given %2 a promise.", "%1对%2有承诺。"},
    [PLOT_HUNTS] = {"%1 is after %2.", "%1在追捕%2。"},
    [PLOT_HOLDS] = {"%1 holds %2 captive.", "%1扣着%2。"},
    [PLOT_WRONGED] = {"%1 has wronged %2.", "%1亏待过%2。"},
    [PLOT_SUSPECTS] = {"%1 suspects %2.", "%1怀疑%2。"},
    [PLOT_FEARS] = {"%1 is afraid of %2.", "%1害怕%2。"},
    [PLOT_DECEIVES] = {"%1 is deceiving %2.", "%1瞒骗着%2。"},
    [PLOT_MENTOR] = {"%1 is the teacher of %2.", "%1是%2的师长。"},
    [PLOT_PARENT] = {"%1 is the parent of %2.", "%1是%2的父母。"},
    [PLOT_BOSS] = {"%1 is the boss of %2.", "%1是%2的上司。"},
    [PLOT_FRIEND] = {"%1 and %2 are friends.", "%1和%2是朋友。"},
    [PLOT_ALLY] = {"%1 and %2 are allies.", "%1和%2是盟友。"},
    [PLOT_ENEMY] = {"%1 and %2 are enemies.", "%1和%2是敌人。"},
    [PLOT_RIVAL] = {"%1 and %2 are rivals.", "%1和%2是对手。"},
    [PLOT_SIBLING] = {"%1 and %2 are siblings.", "%1和%2是手足。"},
    [PLOT_MARRIED] = {"%1 and %2 are married.", "%1和%2是夫妻。"},
    [PLOT_LOVERS] = {"%1 and %2 are a couple.", "%1和%2是恋人。"},
    [PLOT_COLLEAGUE] = {"%1 and %2 work together.", "%1和%2是同事。"},
};

static const char *name_of(const struct plot_world *world, int32_t i)
{
    return plot_template_short_name(&world->entity[i]);
}

static bool tell(const struct plot_world *world, const struct reel_fact *fact,
                 const char *sentence, struct base_buffer *out)
{
    bool is_ok = out->n_bytes == 0 || world->language[0] == 'z' ||
                 out->data[out->n_bytes - 1] == ' ' ||
                 out->data[out->n_bytes - 1] == '\n' || base_buffer_add_char(out, ' ');
    const size_t begin = out->n_bytes;
    for (const char *at = sentence; is_ok && *at;) {
        const size_t n = strcspn(at, "%");
        is_ok = base_buffer_add(out, at, n);
        at += n;
        if (is_ok && *at) {
            const char *name =
                name_of(world, at[1] == '1' ? fact->subject : fact->object);
            is_ok = world->language[0] == 'e' && at[1] == '2'
                        ? plot_template_place(out, name)
                        : base_buffer_add_text(out, name);
            at += 2;
        }
    }
    if (is_ok && out->data[begin] >= 'a' && out->data[begin] <= 'z') {
        out->data[begin] = (char)(out->data[begin] - 'a' + 'A');
    }
    return is_ok;
}

/** What another fact says already: friends trust each other, a prisoner is held. */
static bool is_told_by_another(const struct plot_graph *g, const struct reel_fact *fact,
                               int relation)
{
    const int32_t s = fact->subject, o = fact->object;
    switch (relation) {
    case PLOT_TRUSTS:
        return plot_graph_holds(g, s, PLOT_FRIEND, o) ||
               plot_graph_holds(g, s, PLOT_ALLY, o) ||
               plot_graph_holds(g, s, PLOT_LOVERS, o) ||
               plot_graph_holds(g, s, PLOT_MARRIED, o) ||
               plot_graph_holds(g, s, PLOT_SIBLING, o) ||
               plot_graph_holds(g, s, PLOT_PARENT, o) ||
               plot_graph_holds(g, o, PLOT_PARENT, s) ||
               plot_graph_holds(g, s, PLOT_LOVES, o);
    case PLOT_LOVES:
        return plot_graph_holds(g, s, PLOT_LOVERS, o);
    case PLOT_CAPTIVE:
        return plot_graph_subject(g, PLOT_HOLDS, s) >= 0;
    case PLOT_AT:
        return plot_graph_holds(g, s, PLOT_DEAD, -1);
    default:
        return false;
    }
}

static bool is_asked(const struct plot_world *world, const int32_t *entity, int32_t n,
                     int32_t i)
{
    for (int32_t k = 0; k < n; k++) {
        if (entity[k] == i) {
            return true;
        }
    }
    // A place, a thing or a group is worth naming beside the one it is said of.
    return world->entity[i].kind == REEL_ENTITY_PLACE ||
           world->entity[i].kind == REEL_ENTITY_GROUP ||
           world->entity[i].kind == REEL_ENTITY_OBJECT;
}

enum reel_status plot_graph_tell(const struct plot_graph *graph, const int32_t *entity,
                                 int32_t n_entities, struct base_buffer *out,
                                 struct reel_error *err)
{
    const struct plot_world *world = graph->world;
    const int l = world->language[0] == 'z';
    bool is_ok = true;
    for (int32_t k = 0; k < n_entities; k++) {
        for (int r = 0; r < PLOT_N_RELATIONS; r++) {
            const bool is_state = plot_relation_arity(r) == 1;
            for (int32_t o = 0; is_ok && o < (is_state ? 1 : world->n_entities); o++) {
                const struct reel_fact fact = {.subject = entity[k],
                                               .object = is_state ? -1 : o};
                if (!sentences[r][l] ||
                    !plot_graph_holds(graph, fact.subject, r, fact.object) ||
                    (!is_state && !is_asked(world, entity, n_entities, o))) {
                    continue;
                }
                bool is_told = is_told_by_another(graph, &fact, r);
                for (int32_t j = 0; plot_relation_is_symmetric(r) && j < k; j++) {
                    is_told |= entity[j] == o;
                }
                is_ok = is_told || tell(world, &fact, sentences[r][l], out);
            }
        }
    }
    return is_ok ? REEL_OK : fail(err, REEL_ENOMEM, "facts: no room");
}
