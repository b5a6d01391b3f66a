import { z } from 'zod';

/** A moment: ISO 8601 in UTC, to the millisecond. */
export const instant = z.iso.datetime().describe('ISO 8601, UTC');
