"""The guard: a small process beside `faild` that takes down what is held when `faild` ends, whatever ended it.

    python -I -S -E actions/guard SOCKET PIDFD LOCK [WIRE]      # descriptors, inherited; docs/guard.md

It is told, and confirms, what is held before the first up action begins. It imports nothing but Python's library and the files
of this folder, has no key, writes no file, and does nothing at all until `faild` has ended. Then it

1. kills the process groups of the actions that were running (`programs`),
2. takes down each service (`take_down`): its actions in reverse, all of them, also after one has failed (`addresses`,
   `scripts`),
3. says a service's last word (`last_word`: bytes that `faild` signed long before) to every peer on every link: only where every
   action is down,
4. takes away the gate of its addresses (`gate`), where they are gone,

and ends, which releases the lock that a new `faild` waits for. The end of `faild` is seen by pidfd: a pipe or socket may live
on in some child that inherited it. And it is seen by a signal at the end of the thread that started us, its main one
(`parent`): a process is gone only with its last thread, and one that waits for a hanging disk cannot be killed before the disk
answers. A stopped `faild` has not ended.
"""

FOLDER: str = __path__[0]
"""What an interpreter is given to run. This file is not run then: the folder is a program, and `__main__` its beginning."""
