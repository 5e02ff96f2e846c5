// How V8 keeps its young generation; loaded before anything else, for later it has no effect.

import { setFlagsFromString } from 'node:v8';

// Without it some 64 MB of dead read buffers, which lie outside the heap, stand while a large body passes (bench/README.md,
// Large transfers).
setFlagsFromString('--semi-space-growth-factor=1');
// V8 takes what outlives a fetch in the store for a sign that all that is made there lives long, and makes it old from birth.
// What has died old keeps alive all young objects that it names: under misses every second µs went into moving the dead.
setFlagsFromString('--no-allocation-site-pretenuring');
