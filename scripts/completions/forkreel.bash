# bash completion for forkreel

_forkreel() {
    local cur prev words cword
    _init_completion -n = 2>/dev/null || {
        cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
        words=("${COMP_WORDS[@]}") cword=$COMP_CWORD
    }
    local commands="import films show viewers train evaluate recommend welcome profile privacy rate watch like dislike skip replay choose review fork stories story play dialogue export lm text help"
    local formats="catalogue movielens recbole letterboxd imdb imdb-ratings netflix trakt douban tmdb nfo csv jsonl"
    local models="als ease item-knn user-knn bpr popularity content taste sequence hybrid"
    local everywhere="--home --db --lang --json --threads --help --usage"
    local command="" i options=""

    # The first word that is neither an option nor the value of one is the command.
    for ((i = 1; i < cword; i++)); do
        case ${words[i]} in
        --home | --db | --lang | --threads) ((i++)) ;;
        -*) ;;
        *)
            command=${words[i]}
            break
            ;;
        esac
    done

    case $command,$prev in
    fork,--model | fork,-m | dialogue,--model | dialogue,-m)
        COMPREPLY=($(compgen -f -W "none" -- "$cur")) && return ;;
    fork,--method) COMPREPLY=($(compgen -W "mix data text graph plain" -- "$cur")) && return ;;
    fork,--tone) COMPREPLY=($(compgen -W "dark light tense tender wry" -- "$cur")) && return ;;
    fork,--ending) COMPREPLY=($(compgen -W "happy bittersweet tragic open" -- "$cur")) && return ;;
    export,--format | export,-f) COMPREPLY=($(compgen -W "json twee dot svg html" -- "$cur")) && return ;;
    esac

    case $prev in
    --model | --models | -m)
        # Several models stand in one word, with commas between.
        local first=""
        [[ $cur == *,* ]] && first=${cur%,*},
        COMPREPLY=($(compgen -P "$first" -W "$models" -- "${cur##*,}"))
        compopt -o nospace 2>/dev/null
        return
        ;;
    --lang) COMPREPLY=($(compgen -W "en zh" -- "$cur")) && return ;;
    --split) COMPREPLY=($(compgen -W "random temporal" -- "$cur")) && return ;;
    --diversity-method) COMPREPLY=($(compgen -W "mmr dpp" -- "$cur")) && return ;;
    --home) COMPREPLY=($(compgen -d -- "$cur")) && return ;;
    --db | --tsv | --out | -o) COMPREPLY=($(compgen -f -- "$cur")) && return ;;
    esac

    case $command in
    "") options="--version" ;;
    import) options="--viewer --dry-run --strict --source --map" ;;
    films) options="--number --doubtful --same" ;;
    train) options="--model --models --set --trials --seed" ;;
    evaluate) options="--model --models --split --k --seed --trials --stories --policy --taste --seeds --films --pictures --languages" ;;
    recommend) options="--number --model --why --no-log --diversity --diversity-method --context --explore --seed --with-branches --weights --year --genre --not-genre --language --runtime-max --age --person --not --all --tsv" ;;
    welcome) options="--questions --number" ;;
    profile) options="--set --unset --forget --remember --reset --number" ;;
    privacy) options="--out --yes" ;;
    rate | like | dislike | replay) options="--viewer --context --text" ;;
    watch | skip) options="--viewer --share --context --text" ;;
    choose) options="--viewer --context" ;;
    review) options="--viewer" ;;
    lm) options="--adapter --alpha --arch --base --batch --blanks --checkpoint --clip --context --data --decay --documents --dropout --embedding --epochs --from --heads --hidden --judge-steps --key-file --kind --kv-heads --layers --max-gb --max-rise --memory --method --model --no-checksum --no-direct --number --order --out --part --patience --prefix --prompt --rank --rate --resume --run --seed --sha256 --steps --svg --targets --temperature --text --tokens --top-k --top-p --types --valid --vocabulary --warmup --width --words" ;;
    fork) options="--viewer --branches --depth --genre --tone --ending --must --must-not --method --candidates --model --key-file --seed --diversity --max-age --context --out" ;;
    story) options="--node --checks" ;;
    play) options="--viewer --best --choices --save --explore --policy --context" ;;
    dialogue) options="--number --model --key-file --seed" ;;
    export) options="--format --out" ;;
    text) options="--list --language --words" ;;
    esac

    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$options $everywhere" -- "$cur"))
    elif [[ -z $command || ($command == help && $prev == help) ]]; then
        COMPREPLY=($(compgen -W "$commands" -- "$cur"))
    elif [[ $command == text ]]; then
        COMPREPLY=($(compgen -W "all extract clean language normalize simplify segment lower stop stem count" -- "$cur"))
    elif [[ $command == import && $prev == import ]]; then
        COMPREPLY=($(compgen -W "$formats" -- "$cur"))
    elif [[ $command == import ]]; then
        COMPREPLY=($(compgen -f -- "$cur"))
    elif [[ " story play dialogue export choose " == *" $command "* ]]; then
        local stories=${FORKREEL_HOME:-${XDG_DATA_HOME:-$HOME/.local/share}/forkreel}/stories
        COMPREPLY=($(compgen -f -- "$cur")
            $(compgen -W "last $(cd "$stories" 2>/dev/null && printf '%s ' ./*.json | sed 's|\./||g; s|\.json||g')" -- "$cur"))
    elif [[ $command == privacy && $prev == privacy ]]; then
        COMPREPLY=($(compgen -W "export erase decay" -- "$cur"))
    elif [[ $command == lm && $prev == lm ]]; then
        COMPREPLY=($(compgen -W "list pull tune quantize perplexity embed" -- "$cur"))
    fi
}
complete -o filenames -F _forkreel forkreel
