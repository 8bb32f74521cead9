/* All of it as one unit, so that one call of a compiler makes it. */
#include "memory.c"
#include "text.c"
#include "json.c"
#include "steps.c"
#include "confine.c"
#include "workspace.c"
#include "programs.c"
#include "sandbox.c"
#include "zygote.c"
#if defined(BARE)
#include "bare.c"
#else
#include "python.c"
#endif
