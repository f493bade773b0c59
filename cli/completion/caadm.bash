# bash completion for caadm. caadm itself knows its commands, options, CAs,
# profiles, backends and keys; this only asks it.
_caadm()
{
    local cur words cword reply line
    COMPREPLY=()
    if declare -F _get_comp_words_by_ref >/dev/null; then
        # A colon is part of a word: keystore://default/www
        _get_comp_words_by_ref -n := cur words cword
    else
        cur=${COMP_WORDS[COMP_CWORD]} words=("${COMP_WORDS[@]}")
        cword=$COMP_CWORD
    fi
    reply=$("${words[0]}" --complete "${words[@]:1:cword}" 2>/dev/null </dev/null)
    while IFS= read -r line; do
        case $line in
        @file) compopt -o filenames; COMPREPLY+=($(compgen -f -- "$cur")) ;;
        @dir) compopt -o filenames; COMPREPLY+=($(compgen -d -- "$cur")) ;;
        ?*) COMPREPLY+=("$line") ;;
        esac
    done <<<"$reply"
    if declare -F __ltrim_colon_completions >/dev/null; then
        __ltrim_colon_completions "$cur"
    fi
    # Inside a URI the next word follows at once.
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == */ ]] && compopt -o nospace
    return 0
}
complete -F _caadm caadm
