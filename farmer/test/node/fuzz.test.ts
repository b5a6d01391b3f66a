import { describeFuzzing } from './fuzz-suite.ts';

/** A sample; `fuzz.system.test.ts` makes the full run. */
describeFuzzing(100);
