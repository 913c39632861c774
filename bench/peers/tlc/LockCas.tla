------------------------------ MODULE LockCas ------------------------------
\* A lock that may expire, and a compare-and-set under it.
\* The sibling programs explore the same states: see ../shared/shapes.rs.
EXTENDS Naturals, FiniteSets, TLC

CONSTANTS Writers, Transitions, Expiries, Nobody

VARIABLES holder, seq, left, writers

Writer == [tried |-> 0, at |-> "idle", seen |-> 0, ok |-> 0]

Init ==
    /\ holder = Nobody
    /\ seq = 0
    /\ left = Expiries
    /\ writers = [w \in Writers |-> Writer]

Expire ==
    /\ left > 0
    /\ left' = left - 1
    /\ holder' = Nobody
    /\ UNCHANGED <<seq, writers>>

\* Taken: this transition is skipped.
Lock(w) ==
    /\ writers[w].at = "idle"
    /\ writers[w].tried < Transitions
    /\ IF holder = Nobody
       THEN /\ holder' = w
            /\ writers' = [writers EXCEPT ![w].at = "locked"]
       ELSE /\ writers' = [writers EXCEPT ![w].tried = @ + 1]
            /\ UNCHANGED holder
    /\ UNCHANGED <<seq, left>>

Read(w) ==
    /\ writers[w].at = "locked"
    /\ writers' = [writers EXCEPT ![w].at = "read", ![w].seen = seq]
    /\ UNCHANGED <<holder, seq, left>>

Cas(w) ==
    /\ writers[w].at = "read"
    /\ LET same == IF writers[w].seen = seq THEN 1 ELSE 0
       IN  /\ seq' = seq + same
           /\ writers' = [writers EXCEPT ![w].at = "written", ![w].seen = 0, ![w].ok = @ + same]
    /\ UNCHANGED <<holder, left>>

\* Gives back what is still its own.
Unlock(w) ==
    /\ writers[w].at = "written"
    /\ holder' = IF holder = w THEN Nobody ELSE holder
    /\ writers' = [writers EXCEPT ![w].at = "idle", ![w].tried = @ + 1]
    /\ UNCHANGED <<seq, left>>

Next == Expire \/ \E w \in Writers : Lock(w) \/ Read(w) \/ Cas(w) \/ Unlock(w)

RECURSIVE Acknowledged(_)
Acknowledged(of) ==
    IF of = {} THEN 0
    ELSE LET w == CHOOSE w \in of : TRUE IN writers[w].ok + Acknowledged(of \ {w})

NothingLost == seq = Acknowledged(Writers)

Names == Permutations(Writers)
=============================================================================
