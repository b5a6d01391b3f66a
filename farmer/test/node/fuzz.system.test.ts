import { describeFuzzing } from './fuzz-suite.ts';

describeFuzzing(10_000);
