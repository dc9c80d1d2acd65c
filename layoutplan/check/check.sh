#!/bin/sh
# check.sh FIRMWARE [SOLVER [OPTION...]]
# Rechecks this folder without layoutplan: the files' hashes, the table's words in FIRMWARE at their offsets, and every
# question with a solver that reads SMT-LIB 2 (default: cvc5, else z3). Needs sha256sum, od and the solver.
set -eu

[ $# -ge 1 ] || { echo "usage: check.sh FIRMWARE [SOLVER [OPTION...]]" >&2; exit 2; }
case $1 in /*) firmware=$1 ;; *) firmware=$PWD/$1 ;; esac
shift
case ${1-} in
    /*) ;;
    */*) solver=$PWD/$1 && shift && set -- "$solver" "$@" ;;
esac
case $0 in */*) cd "${0%/*}" ;; esac
if [ $# -eq 0 ]; then
    if command -v cvc5 >/dev/null; then set -- cvc5 --lang=smt2; else set -- z3 -smt2; fi
fi

sha256sum --quiet --check SHA256SUMS
read -r expected <image.sha256
actual=$(sha256sum <"$firmware")
if [ "${actual%% *}" != "$expected" ]; then
    echo "the firmware is not the one that this evidence is about" >&2
    exit 1
fi

joined() { # bytes as od prints them
    echo "$1$2$3$4"
}

wrong=0
while read -r offset bytes name; do
    # shellcheck disable=SC2046 # split where the blanks are
    found=$(joined $(od -An -v -tx1 -j "$offset" -N 4 "$firmware"))
    if [ "$found" != "$bytes" ]; then
        echo "$name at $offset: $found in the firmware, $bytes here" >&2
        wrong=$((wrong + 1))
    fi
done <words.txt

asked=0
while read -r expected file; do
    asked=$((asked + 1))
    answer=$("$@" "$file" </dev/null) || true
    if [ "$answer" != "$expected" ]; then
        echo "$file: $answer, expected $expected" >&2
        wrong=$((wrong + 1))
    fi
done <expected.txt

echo "$asked questions asked, $wrong wrong"
[ "$asked" -gt 0 ] && [ "$wrong" -eq 0 ]
