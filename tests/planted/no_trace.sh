#!/bin/sh
# no_trace.sh COHORT NAME...: neither the option, nor a fault's name, nor the functions that plant
# faults are in the program.
cohort=$1
shift
left=0
for text in "$@" --planted; do
    if grep -qaF -e "$text" "$cohort"; then
        echo "the program contains the text \"$text\""
        left=1
    fi
done
if nm "$cohort" | grep -i planted; then
    left=1
fi
exit $left
