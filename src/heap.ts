// How V8 keeps its young generation; loaded before anything else, for later it has no effect. Without it some 64 MB of dead
// read buffers, which lie outside the heap, stand while a large body passes (bench/README.md, Large transfers).

import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--semi-space-growth-factor=1');
