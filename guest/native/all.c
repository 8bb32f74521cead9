/* All of it as one unit, so that one call of a compiler makes it. */
#include "memory.c"
#include "text.c"
#include "json.c"
#include "steps.c"
#include "confine.c"
#include "workspace.c"
#include "command.c"
#include "pages.c"
#include "programs.c"
#include "sandbox.c"
#include "zygote.c"
#if defined(LAUNCHER)
#include "launcher.c"
#else
#include "fork.c"
#include "alone.c"
#include "init.c"
#endif
#if defined(BARE)
#include "bare.c"
#elif defined(NODE)
#include "numbers.c"
#include "threads.c"
#include "descriptors.c"
#include "generator.c"
#include "rehearsal.c"
#include "node.c"
#elif !defined(LAUNCHER)
#include "python.c"
#endif
