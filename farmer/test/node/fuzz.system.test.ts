import { describeFuzzing } from './fuzz-suite.ts';

describeFuzzing(2_000);
