/**
 * Step stop: words that say little are left out, and the marks of addresses and names.
 *
 * Words of denial ("not", "never", "don't", 不, 没有) are not among them: a review without them says
 * the opposite. The lists do not apply to a line in a third language.
 */
#include "feat_key.h"
#include "feat_line.h"
#include "feat_step.h"

#include <assert.h>

// clang-format off
static const char *const english[] = {
    "a", "about", "above", "across", "after", "afterwards", "again", "against", "ago",
    "all", "almost", "along", "already", "also", "although", "always", "am", "among",
    "amongst", "an", "and", "another", "any", "anybody", "anyhow", "anyone", "anything",
    "anyway", "anywhere", "are", "around", "as", "aside", "at", "away", "be", "became",
    "because", "become", "becomes", "becoming", "been", "before", "beforehand",
    "behind", "being", "below", "beside", "besides", "between", "beyond", "both", "but",
    "by", "came", "can", "certain", "certainly", "come", "comes", "could", "did", "do",
    "does", "doing", "done", "down", "during", "each", "either", "else", "elsewhere",
    "enough", "especially", "etc", "even", "ever", "every", "everybody", "everyone",
    "everything", "everywhere", "except", "far", "few", "for", "from", "further",
    "furthermore", "get", "gets", "getting", "give", "given", "gives", "go", "goes",
    "going", "gone", "got", "had", "has", "have", "having", "he", "he'd", "he'll",
    "he's", "hence", "her", "here", "here's", "hereby", "herein", "hers", "herself",
    "him", "himself", "his", "how", "how's", "however", "i", "i'd", "i'll", "i'm",
    "i've", "if", "in", "indeed", "instead", "into", "is", "it", "it'd", "it'll",
    "it's", "its", "itself", "just", "keep", "keeps", "kept", "last", "latter", "least",
    "less", "let", "let's", "lets", "like", "likely", "made", "make", "makes", "making",
    "many", "may", "maybe", "me", "meanwhile", "might", "mine", "more", "moreover",
    "most", "mostly", "mr", "mrs", "ms", "much", "must", "my", "myself", "namely",
    "near", "nearly", "next", "now", "of", "off", "often", "oh", "on", "once", "one",
    "ones", "only", "onto", "or", "other", "others", "otherwise", "ought", "our",
    "ours", "ourselves", "out", "over", "overall", "own", "per", "perhaps", "please",
    "quite", "rather", "really", "regarding", "said", "same", "saw", "say", "saying",
    "says", "see", "seem", "seemed", "seeming", "seems", "seen", "several", "shall",
    "she", "she'd", "she'll", "she's", "should", "since", "so", "some", "somebody",
    "somehow", "someone", "something", "sometime", "sometimes", "somewhere", "soon",
    "still", "such", "take", "taken", "takes", "taking", "than", "that", "that'll",
    "that's", "the", "their", "theirs", "them", "themselves", "then", "there",
    "there's", "thereby", "therefore", "these", "they", "they'd", "they'll", "they're",
    "they've", "thing", "things", "this", "those", "though", "through", "throughout",
    "thus", "till", "to", "together", "too", "took", "toward", "towards", "under",
    "until", "unto", "up", "upon", "us", "use", "used", "uses", "using", "usually",
    "various", "very", "via", "was", "way", "we", "we'd", "we'll", "we're", "we've",
    "well", "went", "were", "what", "what's", "whatever", "when", "when's", "whenever",
    "where", "where's", "whereas", "wherever", "whether", "which", "while", "who",
    "who's", "whoever", "whole", "whom", "whose", "why", "why's", "will", "with",
    "within", "would", "yet", "you", "you'd", "you'll", "you're", "you've", "your",
    "yours", "yourself", "yourselves",
};

static const char *const chinese[] = {
    "一", "一下", "一个", "一些", "一切", "一方面", "一旦", "一样", "一直", "一种",
    "一起", "一边", "上", "上去", "下", "下去", "下来", "不是", "不管", "不过", "与",
    "且", "两", "两个", "个", "中", "为", "为了", "为什么", "为何", "么", "之", "之中",
    "之前", "之后", "之间", "也", "也是", "了", "于", "于是", "些", "人家", "什么",
    "从", "从而", "他", "他们", "令", "以", "以为", "以及", "们", "会", "似乎", "但",
    "但是", "位", "作为", "你", "你们", "使", "例如", "便", "假如", "像", "关于", "其",
    "其中", "其他", "其它", "其实", "内", "再", "几", "几个", "凭", "出来", "刚",
    "刚刚", "别人", "到", "到底", "前", "十分", "即使", "即便", "却", "原来", "去",
    "又", "及", "反正", "只", "只是", "只有", "只要", "可", "可以", "可是", "可能",
    "各", "各个", "各种", "同", "同时", "后", "后来", "向", "吗", "吧", "呀", "呢",
    "和", "咱", "咱们", "哇", "哈", "哎", "哦", "哪", "哪个", "哪些", "哪儿", "哪里",
    "唉", "啊", "啥", "啦", "嗯", "嘛", "因", "因为", "因此", "因而", "在", "地", "外",
    "多少", "大家", "太", "她", "她们", "好像", "如", "如何", "如果", "如此", "它",
    "它们", "对", "对于", "将", "将要", "就", "就是", "尽管", "已", "已经", "常常",
    "并", "并不", "并且", "应", "应该", "当", "当时", "彼此", "往", "往往", "很", "得",
    "得以", "必须", "怎么", "怎么样", "怎样", "总之", "总是", "您", "成为", "我",
    "我们", "或", "或者", "所", "所以", "所有", "所谓", "才", "把", "按", "按照", "挺",
    "接着", "无论", "时", "时候", "是", "更", "曾", "曾经", "最", "有", "有些", "有点",
    "有的", "朝", "本来", "来", "极", "极其", "某", "某个", "某些", "根据", "次", "正",
    "正在", "此", "此外", "此时", "每", "每个", "比", "比如", "比较", "然后", "然而",
    "特别", "现在", "甚至", "甚至于", "用", "由", "由于", "的", "相当", "真是", "真的",
    "着", "种", "究竟", "等", "等等", "终于", "经常", "给", "者", "而", "而且", "而是",
    "能", "能够", "自", "自从", "自己", "至", "若", "虽", "虽然", "被", "要", "要是",
    "觉得", "认为", "让", "该", "说", "谁", "起来", "越", "越来越", "跟", "过", "过去",
    "过来", "还", "还是", "还有", "这", "这个", "这么", "这些", "这儿", "这样", "这种",
    "这里", "通过", "那", "那个", "那么", "那些", "那儿", "那时", "那样", "那种",
    "那里", "都", "都是", "里", "间", "除了", "除非", "随后", "随着", "需要", "非常",
};
// clang-format on

enum { N_SLOTS = 2048 };

struct stop {
    const struct feat_env *env;
    struct feat_line line;
    struct slot {
        struct feat_key key;
        size_t n;    /* 0: free */
    } slot[N_SLOTS]; /* all words of both lists */
};

static struct slot *find(struct stop *x, const char *word, size_t n, size_t n_readable)
{
    const struct feat_key key = feat_key_of(word, n, n_readable);
    for (uint32_t i = feat_key_hash(key, n);; i++) {
        struct slot *slot = &x->slot[i % N_SLOTS];
        if (slot->n == 0 || (slot->n == n && feat_key_equal(slot->key, key))) {
            return slot;
        }
    }
}

static void fill(struct stop *x, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const size_t n_word = strlen(list[i]);
        assert(n_word <= FEAT_KEY_BYTES);
        *find(x, list[i], n_word, n_word) =
            (struct slot){feat_key_of(list[i], n_word, n_word), n_word};
    }
}

static enum reel_status stop_open(const struct feat_env *env, void *state,
                                  struct reel_error *err)
{
    (void)err;
    struct stop *x = state;
    x->env = env;
    fill(x, english, sizeof english / sizeof *english);
    fill(x, chinese, sizeof chinese / sizeof *chinese);
    return REEL_OK;
}

static void stop_reset(void *state)
{
    struct stop *x = state;
    x->line = (struct feat_line){0};
}

static bool is_mark(const char *word, size_t n)
{
    assert(word);
    return word[0] == '@' && ((n == 4 && memcmp(word, "@url", n) == 0) ||
                              (n == 8 && memcmp(word, "@someone", n) == 0));
}

static bool is_stop(struct stop *x, const char *word, size_t n, size_t n_readable)
{
    if (n > FEAT_KEY_BYTES) { // the lists have no such word
        return false;
    }
    const int l = x->line.language;
    const bool is_ours = l == FEAT_NO_LANGUAGE || l == FEAT_EN || l == FEAT_ZH;
    return is_mark(word, n) || (is_ours && find(x, word, n, n_readable)->n > 0);
}

static bool stop_run(void *state, const char *in, size_t n, struct base_buffer *out)
{
    struct stop *x = state;
    char *const begin = base_buffer_reserve(out, n + 1 + FEAT_SLACK), *to = begin;
    if (!to) {
        return false;
    }
    for (size_t i = 0; i < n;) {
        const char *word;
        const size_t n_word = feat_line_next(&x->line, x->env, in, n, &i, &to, &word);
        if (n_word == 0) {
            if (word) {
                *to++ = '\n';
            }
            continue;
        }
        const size_t n_readable = (size_t)(in + n - word);
        if (!is_stop(x, word, n_word, n_readable)) {
            to = feat_line_put(&x->line, to, word, n_word, n_readable);
        }
    }
    out->n_bytes += (size_t)(to - begin);
    return true;
}

const struct feat_step feat_step_stop = {
    .n_state_bytes = sizeof(struct stop),
    .open = stop_open,
    .run = stop_run,
    .reset = stop_reset,
};
