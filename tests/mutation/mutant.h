/* What the files of the core say once their mutants are in them; included before all else.
 *
 * Each mutant has a number; at most one is chosen. A mutant is reached when the program comes to
 * it in a state in which it makes a difference there: `a <= b` for `a < b` where the two are
 * equal. Operands are evaluated as often as the original does, which is at most once. */
#ifndef COHORT_MUTANT_H
#define COHORT_MUTANT_H

enum { MUTANT_NONE = -1 };

extern int mutant_chosen;
extern unsigned char mutant_reached[];

static inline _Bool mutant_here(int number)
{
    mutant_reached[number] = 1;
    return mutant_chosen == number;
}

#define MUTANT(number) mutant_here(number)

#define MUTANT_IF(negated, never, condition)                                                       \
    ({                                                                                             \
        _Bool mutant_v = !!(condition);                                                            \
        if (MUTANT(negated))                                                                       \
            mutant_v = !mutant_v;                                                                  \
        if (mutant_v && MUTANT(never))                                                             \
            mutant_v = 0;                                                                          \
        mutant_v;                                                                                  \
    })

#define MUTANT_AND(no_left, no_right, either, left, right)                                         \
    ({                                                                                             \
        _Bool mutant_l = !!(left);                                                                 \
        if (!mutant_l)                                                                             \
            mutant_l = MUTANT(no_left);                                                            \
        _Bool mutant_v = mutant_l;                                                                 \
        if (mutant_l || MUTANT(either)) {                                                          \
            mutant_v = !!(right);                                                                  \
            if (!mutant_v && mutant_l)                                                             \
                mutant_v = MUTANT(no_right) | MUTANT(either);                                      \
        }                                                                                          \
        mutant_v;                                                                                  \
    })

#define MUTANT_OR(no_left, no_right, both, left, right)                                            \
    ({                                                                                             \
        _Bool mutant_l = !!(left);                                                                 \
        if (mutant_l)                                                                              \
            mutant_l = !MUTANT(no_left);                                                           \
        _Bool mutant_v = mutant_l;                                                                 \
        if (!mutant_l || MUTANT(both)) {                                                           \
            mutant_v = !!(right);                                                                  \
            if (mutant_v && !mutant_l)                                                             \
                mutant_v = !(MUTANT(no_right) | MUTANT(both));                                     \
        }                                                                                          \
        mutant_v;                                                                                  \
    })

/* `changed` is one or more of the two below. */
#define MUTANT_BINARY(left, operator, right, changed)                                              \
    ({                                                                                             \
        __auto_type mutant_l = (left);                                                             \
        __auto_type mutant_r = (right);                                                            \
        __auto_type mutant_v = mutant_l operator mutant_r;                                         \
        changed mutant_v;                                                                          \
    })
#define MUTANT_BECOMES(number, operator)                                                           \
    if ((mutant_l operator mutant_r) != mutant_v && MUTANT(number))                                \
        mutant_v = mutant_l operator mutant_r;
#define MUTANT_DIVIDES(number, operator)                                                           \
    if ((!mutant_r || (mutant_l operator mutant_r) != mutant_v) && MUTANT(number))                 \
        mutant_v = mutant_r ? mutant_l operator mutant_r : (__builtin_trap(), 0);

#define MUTANT_ASSIGN(number, left, operator, becomes, right)                                      \
    ({                                                                                             \
        __auto_type mutant_l = &(left);                                                            \
        __auto_type mutant_r = (right);                                                            \
        if (MUTANT(number))                                                                        \
            *mutant_l becomes mutant_r;                                                            \
        else                                                                                       \
            *mutant_l operator mutant_r;                                                           \
        *mutant_l;                                                                                 \
    })

#define MUTANT_PREFIX(number, operand, operator, becomes)                                          \
    ({                                                                                             \
        __auto_type mutant_l = &(operand);                                                         \
        MUTANT(number) ? becomes *mutant_l : operator* mutant_l;                                   \
    })
#define MUTANT_POSTFIX(number, operand, operator, becomes)                                         \
    ({                                                                                             \
        __auto_type mutant_l = &(operand);                                                         \
        MUTANT(number) ? (*mutant_l)becomes : (*mutant_l) operator;                                \
    })

#define MUTANT_UNARY(number, operator, operand)                                                    \
    ({                                                                                             \
        __auto_type mutant_l = (operand);                                                          \
        MUTANT(number) ? mutant_l : operator mutant_l;                                             \
    })

#define MUTANT_EXTREME(number, word, becomes, left, right)                                         \
    ({                                                                                             \
        __auto_type mutant_l = (left);                                                             \
        __auto_type mutant_r = (right);                                                            \
        mutant_l != mutant_r &&MUTANT(number) ? becomes(mutant_l, mutant_r)                        \
                                              : word(mutant_l, mutant_r);                          \
    })

#endif
